// SPDX-License-Identifier: Apache-2.0
#include "agent/server/attributes.h"

#include "tests/unit/check.h"

using namespace ballast::agent;

TEST_CASE("requests are parts of the Node, as kubelet maps them", "[agent]") {
    const auto is = [](const char *method, const char *path, const char *verb, std::vector<std::string> parts) {
        CAPTURE(method, path);
        CHECK(attributes_of(method, path) == Attributes{verb, std::move(parts)});
    };
    is("GET", "/containerLogs/a/b/c", "get", {"proxy"});
    is("GET", "/metrics", "get", {"metrics"});
    is("GET", "/metrics/resource", "get", {"metrics"});
    is("GET", "/metricsx", "get", {"proxy"});
    is("GET", "/stats/summary", "get", {"stats"});
    is("GET", "/logs/x", "get", {"log"});
    is("GET", "/pods", "get", {"pods", "proxy"});
    is("HEAD", "/healthz", "get", {"healthz", "proxy"});
    is("PUT", "/x", "update", {"proxy"});
    is("DELETE", "/x", "delete", {"proxy"});
    is("BREW", "/x", "create", {"proxy"});
}

TEST_CASE("what acts on a container is no reading, whatever the method", "[agent]") {
    for (const char *path : {"/exec/a/b/c", "/attach/a/b/c", "/portForward/a/b", "/exec"}) {
        for (const char *method : {"GET", "POST", "HEAD"}) {
            CAPTURE(path, method);
            CHECK(attributes_of(method, path) == Attributes{"create", {"proxy"}});
        }
    }
}
