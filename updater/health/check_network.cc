// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "updater/health/check.h"

namespace ballast::updater::health {
namespace {

// What `before` had and `now` lacks.
std::vector<std::string> missing_of(const Interface &before, const Interface &now) {
    std::vector<std::string> missing;
    const auto compare = [&](bool had, bool has, const char *what) {
        if (had && !has) {
            missing.push_back(before.name + " has no " + what);
        }
    };
    compare(before.ipv4, now.ipv4, "IPv4 address");
    compare(before.ipv6, now.ipv6, "IPv6 address");
    compare(before.ipv4_default, now.ipv4_default, "IPv4 default route");
    compare(before.ipv6_default, now.ipv6_default, "IPv6 default route");
    return missing;
}

std::vector<std::string> missing(const std::vector<Interface> &before, const std::vector<Interface> &now) {
    std::vector<std::string> all;
    for (const Interface &interface : before) {
        const auto same = std::ranges::find(now, interface.name, &Interface::name);
        if (same == now.end()) {
            all.push_back(interface.name + " is not there");
            continue;
        }
        std::ranges::copy(missing_of(interface, *same), std::back_inserter(all));
    }
    return all;
}

} // namespace

Result<Finding> check_network(const CheckInputs &inputs) {
    if (!inputs.baseline || !inputs.baseline->interfaces) {
        return found_well("there is nothing to compare the network with yet");
    }
    const std::vector<Interface> &before = *inputs.baseline->interfaces;
    std::vector<std::string> gone;
    Status looked;
    const bool as_before = wait_for(inputs.machine, inputs.config.wait_time, [&] {
        const Result<std::vector<Interface>> now = inputs.machine.interfaces();
        looked = now.has_value() ? Status() : std::unexpected(now.error());
        gone = now.has_value() ? missing(before, *now) : std::vector<std::string>{};
        return now.has_value() && gone.empty();
    });
    if (as_before) {
        return found_well("addresses and default routes are as before");
    }
    TRY(std::move(looked));
    return found_wrong("the network is not as before: " + listed(gone),
                       inputs.machine.unit_journal("systemd-networkd.service"));
}

} // namespace ballast::updater::health
