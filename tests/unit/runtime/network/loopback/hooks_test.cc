// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/loopback/hooks.h"

#include <algorithm>
#include <netinet/in.h>

#include "tests/unit/check.h"

using namespace ballast::network;
using namespace ballast::network::loopback;

namespace {

PublishedPort port(Protocol protocol, const char *host, std::uint16_t number, const char *container) {
    return {.protocol = protocol,
            .host_address = ballast::network::Address::parse(host).value(),
            .host_port = number,
            .container_address = ballast::network::Address::parse(container).value(),
            .container_port = 80};
}

} // namespace

TEST_CASE("only what loopback addresses are meant to reach is led to containers", "[loopback]") {
    const std::vector<PublishedPort> ports{
        port(Protocol::kTcp, "0.0.0.0", 8080, "10.0.0.2"),    port(Protocol::kTcp, "::", 8080, "fd00::2"),
        port(Protocol::kUdp, "127.0.0.1", 53, "10.0.0.3"),    port(Protocol::kTcp, "192.0.2.1", 8081, "10.0.0.4"),
        port(Protocol::kSctp, "0.0.0.0", 8082, "10.0.0.5"),   port(Protocol::kTcp, "0.0.0.0", 8080, "10.0.0.6"),
        port(Protocol::kTcp, "2001:db8::1", 8083, "fd00::7"),
    };
    const std::vector<Entry> entries = entries_of(ports);
    REQUIRE(entries.size() == 3);
    CHECK(std::ranges::is_sorted(entries));
    for (const Entry &entry : entries) {
        const bool v4 = entry.key.destination.address[11] == 0xff;
        CHECK((entry.destination.address[11] == 0xff) == v4);
        CHECK(entry.destination.port == htons(80));
        if (v4 && entry.key.protocol == IPPROTO_TCP) {
            CHECK(entry.destination.address[15] == 2); // the first of two
            CHECK(entry.key.destination.address[15] == 0);
        }
    }
}

TEST_CASE("every program jumps inside of itself and ends", "[loopback]") {
    for (const Hook &hook : hooks()) {
        const std::vector<bpf_insn> code = program_of(hook, 1ULL << 40, 3, 4);
        INFO(hook.kind.name);
        CHECK(hook.kind.name.size() < BPF_OBJ_NAME_LEN);
        CHECK(code.back().code == (BPF_JMP | BPF_EXIT));
        for (std::size_t at = 0; at < code.size(); at++) {
            const unsigned kind = code[at].code & 7U;
            const unsigned operation = code[at].code & 0xf0U;
            if ((kind == BPF_JMP || kind == BPF_JMP32) && operation != BPF_CALL && operation != BPF_EXIT) {
                CHECK(code[at].off >= 0);
                CHECK(at + 1 + static_cast<std::size_t>(code[at].off) < code.size());
            }
        }
    }
}
