// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "agent/api_server/json.h"
#include "agent/certificates/x509.h"
#include "base/base64.h"
#include "base/subprocess.h"
#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

// An API server that knows certificate signing requests alone, and an authority that signs them when it is told to.
namespace ballast::agent {

inline constexpr const char *kSigningRequests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

class SigningApi {
  public:
    SigningApi() {
        must(run_checked(
            {.arguments = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-days", "2", "-subj", "/CN=ca", "-keyout", file("ca.key"), "-out", file("ca.crt")}}));
    }
    std::string file(const std::string &name) const { return (directory.path() / name).string(); }
    std::map<std::string, Json> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    // What is asked for from now on, and what waits.
    void approve() { decide("Approved"); }
    void deny() { decide("Denied"); }
    // Certificates are good for that many days; 0: they are over already.
    void set_days(int days) {
        const std::lock_guard lock(mutex_);
        days_ = days;
    }

    TemporaryDirectory directory = scratch();

  private:
    void decide(const std::string &decision) {
        const std::lock_guard lock(mutex_);
        decision_ = decision;
    }
    void answer(tests::Turn &turn) {
        const std::lock_guard lock(mutex_);
        if (turn.request.method == "POST" && turn.request.target == kSigningRequests) {
            const Json object = Json::parse(turn.request.body);
            requests_[name_of(object)] = object;
            turn.respond(201, object.dump());
            return;
        }
        const auto found = requests_.find(turn.request.target.substr(turn.request.target.rfind('/') + 1));
        if (found == requests_.end()) {
            turn.respond(404, R"({"message":"not found"})");
            return;
        }
        Json &object = found->second;
        if (!decision_.empty() && !object.contains("status")) {
            object["status"]["conditions"] = Json::array({Json{{"type", decision_}, {"message", "so it is"}}});
            if (decision_ == "Approved") {
                const std::string request = must(base64_decoded(json_text(object, {"spec", "request"})));
                object["status"]["certificate"] = base64(sign(request));
            }
        }
        turn.respond(200, object.dump());
    }
    std::string sign(const std::string &request) const {
        must(write_file(file("request"), request));
        std::vector<std::string> arguments = {"openssl",
                                              "x509",
                                              "-req",
                                              "-in",
                                              file("request"),
                                              "-CA",
                                              file("ca.crt"),
                                              "-CAkey",
                                              file("ca.key"),
                                              "-CAcreateserial",
                                              "-copy_extensions",
                                              "copy",
                                              "-out",
                                              file("signed")};
        if (days_ > 0) {
            arguments.insert(arguments.end(), {"-days", std::to_string(days_)});
        } else {
            arguments.insert(arguments.end(), {"-not_before", "20200101000000Z", "-not_after", "20200102000000Z"});
        }
        must(run_checked({.arguments = std::move(arguments)}));
        return must(read_file(file("signed")));
    }

    mutable std::mutex mutex_; // over what follows
    std::map<std::string, Json> requests_;
    std::string decision_; // empty: nobody has looked at them
    int days_ = 1;

  public:
    tests::ScriptedServer server{[this](tests::Turn &turn) { answer(turn); }}; // last: it ends first
};

} // namespace ballast::agent
