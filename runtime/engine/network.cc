// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/network.h"

#include "base/quote.h"

namespace ballast::engine {
namespace {

constexpr std::string_view kContainer = "container:";

} // namespace

Status check_network(const HostConfig &host) {
    const std::string &mode = host.network_mode;
    if (mode == "none" || mode == "host" || (mode.starts_with(kContainer) && mode.size() > kContainer.size())) {
        return {};
    }
    return fail(EINVAL, "network " + quote(mode) +
                            " is not there: this engine has no networks of its own yet; use --network none, "
                            "--network host or --network container:ID");
}

Result<NetworkPlan> plan_network(const Snapshot &container,
                                 const std::function<Result<int>(const std::string &reference)> &process_of) {
    TRY(check_network(container.host));
    const std::string &mode = container.host.network_mode;
    if (mode == "none") {
        return NetworkPlan{};
    }
    if (mode == "host") {
        return NetworkPlan{.network_namespace = "host", .files = {.of_host = true}};
    }
    const int pid = TRY(process_of(mode.substr(kContainer.size())));
    return NetworkPlan{.network_namespace = "/proc/" + std::to_string(pid) + "/ns/net", .files = {}};
}

} // namespace ballast::engine
