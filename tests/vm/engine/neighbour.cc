// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/engine/neighbour.h"

#include <unistd.h>

#include "tests/vm/image/guest.h"

namespace ballast::vm {
namespace {

// networkd would ask for addresses on a card that it knows nothing of, and drop those that others give it.
std::string configure(const std::string &interface) {
    const std::string file = "[Match]\nName=" + interface + "\n[Network]\nAddress=" + Neighbour::kMachine4 +
                             "/24\nAddress=" + Neighbour::kMachine6 + "/64\n";
    return "mkdir -p /run/systemd/network && cat >/run/systemd/network/10-neighbour.network <<'END'\n" + file +
           "END\nnetworkctl reload && /usr/lib/systemd/systemd-networkd-wait-online --timeout=120 --ipv4 --ipv6 -i " +
           interface + ":routable";
}

} // namespace

Neighbour::Neighbour(Machine &machine) : name_("bn" + std::to_string(getpid())) {
    const std::string interface = must(machine.attach_card(name_));
    must(run_checked({.arguments = {"ip", "netns", "add", name_}}));
    must(run_checked({.arguments = {"ip", "link", "set", name_, "netns", name_}}));
    here({"address", "add", std::string(kOwn4) + "/24", "dev", name_});
    here({"address", "add", std::string(kOwn6) + "/64", "dev", name_, "nodad"});
    here({"link", "set", name_, "up"});
    must(machine.run_checked(configure(interface)));
}

Neighbour::~Neighbour() { (void)run({.arguments = {"ip", "netns", "del", name_}}); }

void Neighbour::here(std::vector<std::string> words) const {
    words.insert(words.begin(), {"ip", "-n", name_});
    must(run_checked({.arguments = std::move(words)}));
}

Command Neighbour::command(std::vector<std::string> words) const {
    words.insert(words.begin(), {"ip", "netns", "exec", name_});
    return {.arguments = std::move(words)};
}

} // namespace ballast::vm
