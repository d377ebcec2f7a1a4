// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/loopback/hooks.h"

#include <algorithm>
#include <cstddef>
#include <netinet/in.h>

#include "runtime/bpf/instructions.h"

namespace ballast::network::loopback {
namespace {

using bpf::Assembler;

constexpr std::size_t kV4At = 12; // of an IPv4 address in its mapped form
constexpr std::size_t kWord = 4, kWords = 4;

constexpr bpf::ProgramKind kind(bpf_attach_type hook, std::string_view name) {
    return {.type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR, .hook = hook, .name = name};
}

// UDP by IPv6 sockets: a kernel that is led from an IPv6 address to a mapped one in sendmsg(2) gives up with ENOTSUPP.
constexpr std::array kHooks = std::to_array<Hook>({
    {.kind = kind(BPF_CGROUP_INET4_CONNECT, "ballast_conn4"), .v6 = false, .rewrites = true, .mapped = true},
    {.kind = kind(BPF_CGROUP_INET6_CONNECT, "ballast_conn6"), .v6 = true, .rewrites = true, .mapped = true},
    {.kind = kind(BPF_CGROUP_UDP4_SENDMSG, "ballast_send4"), .v6 = false, .rewrites = true, .mapped = true},
    {.kind = kind(BPF_CGROUP_UDP6_SENDMSG, "ballast_send6"), .v6 = true, .rewrites = true, .mapped = false},
    {.kind = kind(BPF_CGROUP_UDP4_RECVMSG, "ballast_recv4"), .v6 = false, .rewrites = false, .mapped = true},
    {.kind = kind(BPF_CGROUP_UDP6_RECVMSG, "ballast_recv6"), .v6 = true, .rewrites = false, .mapped = true},
    {.kind = kind(BPF_CGROUP_INET4_GETPEERNAME, "ballast_peer4"), .v6 = false, .rewrites = false, .mapped = true},
    {.kind = kind(BPF_CGROUP_INET6_GETPEERNAME, "ballast_peer6"), .v6 = true, .rewrites = false, .mapped = true},
});

// Where things lie on the stack, below BPF_REG_10.
constexpr int kKey = -static_cast<int>(sizeof(PortKey));
constexpr int kFlow = kKey - static_cast<int>(sizeof(FlowKey));
constexpr int kBefore = kFlow - static_cast<int>(sizeof(PortKey)); // a Destination, aligned to eight bytes
constexpr int kFlowAddress = kFlow + static_cast<int>(offsetof(FlowKey, destination));
constexpr int kPortOffset = static_cast<int>(offsetof(Destination, port));
constexpr int kProtocolOffset = static_cast<int>(sizeof(Destination));
static_assert(sizeof(Destination) == 20 && sizeof(PortKey) == 24 && sizeof(FlowKey) == 32);

// What is kept over calls of the kernel's functions.
constexpr int kContext = BPF_REG_6, kAddress = BPF_REG_7, kFound = BPF_REG_8, kStack = BPF_REG_10;
constexpr int kArgument = BPF_REG_1, kResult = BPF_REG_0;

const std::uint32_t kLoopbackMask = htonl(0xff000000), kLoopbackNet = htonl(0x7f000000),
                    kLoopback4 = htonl(INADDR_LOOPBACK), kLoopback6 = htonl(1), kMappedWord = htonl(0xffff);

constexpr int word(std::size_t index) { return static_cast<int>(index * kWord); }

bpf_insn from_context(int destination, std::size_t field) {
    return bpf::load(destination, kContext, static_cast<int>(field));
}

class Writer {
  public:
    Writer(const Hook &hook, int ports, int flows) : hook_(&hook), ports_(ports), flows_(flows) {}

    std::vector<bpf_insn> write(std::uint64_t namespace_cookie) {
        code_.add(bpf::copy_64(kContext, kArgument));
        code_.add(bpf::call(BPF_FUNC_get_netns_cookie));
        code_.set_64(kArgument, namespace_cookie);
        code_.jump_if_same_64(BPF_JNE, kResult, kArgument, out_);
        if (hook_->rewrites) {
            rewrite();
        } else {
            restore();
        }
        code_.place(out_);
        code_.add(bpf::set(kResult, 1)); // never refused
        code_.add(bpf::leave());
        return code_.finish();
    }

  private:
    void rewrite() {
        if (hook_->v6) {
            take_v6();
        } else {
            code_.add(from_context(kAddress, offsetof(bpf_sock_addr, user_ip4)));
            normalise_v4();
            code_.add(bpf::store_value(kStack, kKey + word(2), kMappedWord));
        }
        code_.add(bpf::store_value(kStack, kKey + word(0), 0));
        code_.add(bpf::store_value(kStack, kKey + word(1), 0));
        code_.add(bpf::store(kStack, kKey + word(3), kAddress));
        take_port_and_protocol(kKey + kPortOffset, kKey + kProtocolOffset);
        copy_words(kStack, kKey, kBefore, kWords + 1);

        const Assembler::Label found = code_.label();
        look_up(ports_, kKey);
        code_.jump_if_64(BPF_JNE, kResult, 0, found);
        code_.add(bpf::store_value(kStack, kKey + word(3), 0)); // published on all addresses?
        look_up(ports_, kKey);
        code_.jump_if_64(BPF_JEQ, kResult, 0, out_);
        code_.place(found);
        code_.add(bpf::copy_64(kFound, kResult));
        if (!hook_->mapped) {
            leave_mapped_alone();
        }
        remember();
        enter_found();
    }

    // kAddress: 127.0.0.0/8, and 0.0.0.0, by which programs mean 127.0.0.1. All else is left alone.
    void normalise_v4() {
        const Assembler::Label named = code_.label(), ready = code_.label();
        code_.jump_if(BPF_JNE, kAddress, 0, named);
        code_.add(bpf::set(kAddress, kLoopback4));
        code_.jump_to(ready);
        code_.place(named);
        code_.add(bpf::copy(kFound, kAddress));
        code_.add(bpf::compute(BPF_AND, kFound, kLoopbackMask));
        code_.jump_if(BPF_JNE, kFound, kLoopbackNet, out_);
        code_.place(ready);
    }

    // ::1, ::, and IPv4 in its mapped form.
    void take_v6() {
        constexpr std::size_t kUserAddress = offsetof(bpf_sock_addr, user_ip6);
        for (const std::size_t index : {0U, 1U}) {
            code_.add(from_context(kAddress, kUserAddress + (index * kWord)));
            code_.jump_if(BPF_JNE, kAddress, 0, out_);
        }
        const Assembler::Label v6 = code_.label(), ready = code_.label(), named = code_.label();
        code_.add(from_context(kFound, kUserAddress + (2 * kWord)));
        code_.add(bpf::store(kStack, kKey + word(2), kFound));
        code_.add(from_context(kAddress, kUserAddress + (3 * kWord)));
        code_.jump_if(BPF_JNE, kFound, kMappedWord, v6);
        normalise_v4();
        code_.jump_to(ready);
        code_.place(v6);
        code_.jump_if(BPF_JNE, kFound, 0, out_);
        code_.jump_if(BPF_JNE, kAddress, 0, named);
        code_.add(bpf::set(kAddress, kLoopback6));
        code_.place(named);
        code_.jump_if(BPF_JNE, kAddress, kLoopback6, out_);
        code_.place(ready);
    }

    void take_port_and_protocol(int port, int protocol) {
        code_.add(from_context(kResult, offsetof(bpf_sock_addr, user_port)));
        code_.add(bpf::store(kStack, port, kResult));
        take_protocol(protocol);
    }
    void take_protocol(int to) {
        code_.add(from_context(kResult, offsetof(bpf_sock_addr, protocol)));
        code_.add(bpf::store(kStack, to, kResult));
    }

    void copy_words(int pointer, int from, int to, std::size_t count) {
        for (std::size_t index = 0; index < count; index++) {
            code_.add(bpf::load(kResult, pointer, from + word(index)));
            code_.add(bpf::store(kStack, to + word(index), kResult));
        }
    }

    void point(int argument, int place) {
        code_.add(bpf::copy_64(argument, kStack));
        code_.add(bpf::add(argument, place));
    }

    void look_up(int map, int key) {
        code_.set_map(BPF_REG_1, map);
        point(BPF_REG_2, key);
        code_.add(bpf::call(BPF_FUNC_map_lookup_elem));
    }

    void leave_mapped_alone() {
        const Assembler::Label plain = code_.label();
        const std::array prefix{0U, 0U, kMappedWord};
        for (std::size_t index = 0; index < prefix.size(); index++) {
            code_.add(bpf::load(BPF_REG_1, kFound, word(index)));
            code_.jump_if(BPF_JNE, BPF_REG_1, prefix[index], plain);
        }
        code_.jump_to(out_);
        code_.place(plain);
    }

    void take_cookie() {
        code_.add(bpf::copy_64(kArgument, kContext));
        code_.add(bpf::call(BPF_FUNC_get_socket_cookie));
        code_.add(bpf::store_64(kStack, kFlow, kResult));
    }

    // What the socket is led to, and where its program believes it to be.
    void remember() {
        take_cookie();
        copy_words(kFound, 0, kFlowAddress, kWords + 1);
        take_protocol(kFlowAddress + kProtocolOffset);
        code_.set_map(BPF_REG_1, flows_);
        point(BPF_REG_2, kFlow);
        point(BPF_REG_3, kBefore);
        code_.add(bpf::set(BPF_REG_4, BPF_ANY));
        code_.add(bpf::call(BPF_FUNC_map_update_elem)); // an entry lost is an odd name, not a lost connection
    }

    void restore() {
        take_cookie();
        for (std::size_t index = 0; hook_->v6 && index < kWords; index++) {
            code_.add(from_context(kResult, offsetof(bpf_sock_addr, user_ip6) + (index * kWord)));
            code_.add(bpf::store(kStack, kFlowAddress + word(index), kResult));
        }
        if (!hook_->v6) {
            code_.add(bpf::store_value(kStack, kFlowAddress + word(0), 0));
            code_.add(bpf::store_value(kStack, kFlowAddress + word(1), 0));
            code_.add(bpf::store_value(kStack, kFlowAddress + word(2), kMappedWord));
            code_.add(from_context(kResult, offsetof(bpf_sock_addr, user_ip4)));
            code_.add(bpf::store(kStack, kFlowAddress + word(3), kResult));
        }
        take_port_and_protocol(kFlowAddress + kPortOffset, kFlowAddress + kProtocolOffset);
        look_up(flows_, kFlow);
        code_.jump_if_64(BPF_JEQ, kResult, 0, out_);
        code_.add(bpf::copy_64(kFound, kResult));
        enter_found();
    }

    void enter_found() {
        const auto enter = [this](std::size_t from, std::size_t field) {
            code_.add(bpf::load(kResult, kFound, static_cast<int>(from)));
            code_.add(bpf::store(kContext, static_cast<int>(field), kResult));
        };
        if (!hook_->v6) {
            enter(kV4At, offsetof(bpf_sock_addr, user_ip4));
        }
        for (std::size_t index = 0; hook_->v6 && index < kWords; index++) {
            enter(index * kWord, offsetof(bpf_sock_addr, user_ip6) + (index * kWord));
        }
        enter(offsetof(Destination, port), offsetof(bpf_sock_addr, user_port));
    }

    const Hook *hook_;
    int ports_, flows_;
    Assembler code_;
    Assembler::Label out_ = code_.label();
};

std::array<std::uint8_t, 16> mapped(const Address &address) {
    if (address.family == Family::kV6) {
        return address.bytes;
    }
    constexpr std::uint8_t kOnes = 0xff;
    std::array<std::uint8_t, 16> bytes{};
    bytes[kV4At - 2] = bytes[kV4At - 1] = kOnes;
    std::copy_n(address.bytes.begin(), kWord, bytes.begin() + kV4At);
    return bytes;
}

} // namespace

std::vector<Entry> entries_of(std::span<const PublishedPort> ports) {
    std::vector<Entry> entries;
    for (const PublishedPort &port : ports) {
        const bool known = port.protocol == Protocol::kTcp || port.protocol == Protocol::kUdp;
        if (!known || (!port.host_address.is_any() && !port.host_address.is_loopback())) {
            continue;
        }
        entries.push_back(
            {.key = {.destination = {.address = mapped(port.host_address), .port = htons(port.host_port)},
                     .protocol = static_cast<std::uint32_t>(port.protocol)},
             .destination = {.address = mapped(port.container_address), .port = htons(port.container_port)}});
    }
    std::ranges::stable_sort(entries, {}, &Entry::key);
    const auto rest = std::ranges::unique(entries, {}, &Entry::key);
    entries.erase(rest.begin(), rest.end());
    return entries;
}

std::span<const Hook> hooks() { return kHooks; }

std::vector<bpf_insn> program_of(const Hook &hook, std::uint64_t namespace_cookie, int ports, int flows) {
    return Writer(hook, ports, flows).write(namespace_cookie);
}

} // namespace ballast::network::loopback
