// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/steering.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "runtime/bpf/instructions.h"
#include "runtime/bpf/program.h"
#include "runtime/network/dns/name_servers.h"
#include "runtime/network/dns/sockets.h"

namespace ballast::dns {
namespace {

constexpr bpf::ProgramKind kKind{.type = BPF_PROG_TYPE_SK_LOOKUP, .hook = BPF_SK_LOOKUP, .name = "ballast_names"};
constexpr std::string_view kMapName = "ballast_names";
enum Place : std::uint32_t { kUdpPlace, kTcpPlace, kPlaces }; // in the map

std::unexpected<Error> failed(const std::string &what, int code) {
    return bpf::failed("port 53 of the resolver: " + what, code, "programs that look for sockets (BPF_SK_LOOKUP)");
}

Result<Fd> map_of(BorrowedFd udp, BorrowedFd tcp) {
    bpf::Outcome<Fd> map = bpf::create_map({.type = BPF_MAP_TYPE_SOCKMAP,
                                            .name = kMapName,
                                            .key = sizeof(std::uint32_t),
                                            .value = sizeof(std::uint64_t),
                                            .most = kPlaces});
    if (!map) {
        return failed("make a map", map.error());
    }
    const std::array sockets{udp.get(), tcp.get()};
    for (std::uint32_t place = kUdpPlace; place < kPlaces; place++) {
        const auto socket = static_cast<std::uint64_t>(sockets.at(place));
        bpf_attr entry{};
        entry.map_fd = static_cast<__u32>(map->get());
        entry.key = bpf::address(&place);
        entry.value = bpf::address(&socket);
        if (bpf::call(BPF_MAP_UPDATE_ELEM, entry) != 0) {
            return failed("enter a socket", errno);
        }
    }
    return std::move(*map);
}

std::vector<bpf_insn> program_with(int map) {
    constexpr int kContext = BPF_REG_6, kSocket = BPF_REG_7, kPlaceAt = -4;
    bpf::Assembler code;
    const bpf::Assembler::Label out = code.label(), known = code.label();
    const auto load = [&](int to, std::size_t field) { code.add(bpf::load(to, kContext, static_cast<int>(field))); };
    code.add(bpf::copy_64(kContext, BPF_REG_1));
    load(BPF_REG_2, offsetof(bpf_sk_lookup, family));
    code.jump_if(BPF_JNE, BPF_REG_2, AF_INET, out);
    load(BPF_REG_2, offsetof(bpf_sk_lookup, local_port)); // of the host's order
    code.jump_if(BPF_JNE, BPF_REG_2, kPort, out);
    load(BPF_REG_2, offsetof(bpf_sk_lookup, local_ip4)); // of the network's
    code.jump_if(BPF_JNE, BPF_REG_2, htonl(kResolver), out);
    load(BPF_REG_2, offsetof(bpf_sk_lookup, protocol));
    code.add(bpf::store_value(BPF_REG_10, kPlaceAt, kUdpPlace));
    code.jump_if(BPF_JEQ, BPF_REG_2, IPPROTO_UDP, known);
    code.add(bpf::store_value(BPF_REG_10, kPlaceAt, kTcpPlace));
    code.place(known);
    code.set_map(BPF_REG_1, map);
    code.add(bpf::copy_64(BPF_REG_2, BPF_REG_10));
    code.add(bpf::add(BPF_REG_2, kPlaceAt));
    code.add(bpf::call(BPF_FUNC_map_lookup_elem));
    code.jump_if_64(BPF_JEQ, BPF_REG_0, 0, out);
    code.add(bpf::copy_64(kSocket, BPF_REG_0));
    code.add(bpf::copy_64(BPF_REG_1, kContext));
    code.add(bpf::copy_64(BPF_REG_2, kSocket));
    code.add(bpf::set(BPF_REG_3, 0));
    code.add(bpf::call(BPF_FUNC_sk_assign));
    code.add(bpf::copy_64(BPF_REG_1, kSocket));
    code.add(bpf::call(BPF_FUNC_sk_release));
    code.place(out);
    code.add(bpf::set(BPF_REG_0, SK_PASS)); // nobody is refused
    code.add(bpf::leave());
    return code.finish();
}

} // namespace

Result<Fd> steer_questions(BorrowedFd network_namespace, BorrowedFd udp, BorrowedFd tcp) {
    const Fd map = TRY(map_of(udp, tcp));
    const bpf::Outcome<Fd> program = bpf::load(kKind, program_with(map.get()));
    if (!program) {
        return failed("load a program", program.error());
    }
    bpf_attr attributes{};
    attributes.link_create.prog_fd = static_cast<__u32>(program->get());
    attributes.link_create.target_fd = static_cast<__u32>(network_namespace.get());
    attributes.link_create.attach_type = kKind.hook;
    Fd link(bpf::call(BPF_LINK_CREATE, attributes));
    return link.is_open() ? Result<Fd>(std::move(link)) : failed("put a program in force", errno);
}

} // namespace ballast::dns
