// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/rtnetlink.h"

#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <linux/rtnetlink.h>
#include <net/if.h>

using namespace ballast;
using namespace ballast::isolate;

namespace {

template <typename Value>
std::string bytes(const Value &value) {
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

std::string padded(std::string text) {
    text.resize((text.size() + 3) & ~std::size_t{3});
    return text;
}

std::string message(std::uint16_t type, std::uint16_t flags, const std::string &payload) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + payload.size());
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    header.nlmsg_seq = 7;
    return bytes(header) + payload;
}

std::string attribute(std::uint16_t type, const std::string &value) {
    const nlattr header{static_cast<std::uint16_t>(sizeof header + value.size()), type};
    return padded(bytes(header) + value);
}

std::string error(int code, std::uint32_t request_length = sizeof(nlmsghdr)) {
    nlmsgerr body{};
    body.error = code;
    body.msg.nlmsg_len = request_length;
    return bytes(body);
}

NetlinkMessage only(std::string_view datagram) {
    const Result<std::optional<NetlinkMessage>> taken = take_message(datagram);
    REQUIRE(taken.has_value());
    REQUIRE(taken->has_value());
    return **taken;
}

Error refused(const std::string &datagram) {
    const Status status = read_acknowledgement(only(datagram));
    REQUIRE(!status.has_value());
    return status.error();
}

} // namespace

TEST_CASE("a request is laid out as netlink(7) says", "[rtnetlink]") {
    ifinfomsg header{};
    header.ifi_index = 5;
    NetlinkRequest request(RTM_NEWLINK, 0, header);
    request.add_text(IFLA_IFNAME, "eth0");
    request.add_number(IFLA_NET_NS_FD, std::uint32_t{9});
    const Result<std::string_view> sent = request.sealed(42);
    REQUIRE(sent.has_value());
    CHECK(sent->size() == 16 + 16 + 12 + 8);
    const NetlinkMessage parsed = only(*sent);
    CHECK(parsed.type == RTM_NEWLINK);
    CHECK(parsed.flags == (NLM_F_REQUEST | NLM_F_ACK));
    CHECK(parsed.sequence == 42);
    std::string_view rest = parsed.payload;
    CHECK(take_header<ifinfomsg>(rest)->ifi_index == 5);
    const std::optional<NetlinkAttribute> name = *take_attribute(rest);
    REQUIRE(name.has_value());
    CHECK(name->type == IFLA_IFNAME);
    CHECK(name->value == std::string_view("eth0\0", 5));
    CHECK(name->text() == "eth0");
    const std::optional<NetlinkAttribute> descriptor = *take_attribute(rest);
    REQUIRE(descriptor.has_value());
    CHECK(front_as<std::uint32_t>(descriptor->value) == 9);
    CHECK(*take_attribute(rest) == std::nullopt);
}

TEST_CASE("a dump asks for no acknowledgement beside its end", "[rtnetlink]") {
    NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
    CHECK(only(request.sealed(1).value()).flags == (NLM_F_REQUEST | NLM_F_DUMP));
    NetlinkRequest other(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifaddrmsg{}); // one of these bits is a dump's, too
    CHECK((only(other.sealed(1).value()).flags & NLM_F_ACK) != 0);
}

TEST_CASE("an attribute longer than its length field can say is refused", "[rtnetlink]") {
    NetlinkRequest fits(RTM_NEWLINK, 0, ifinfomsg{});
    fits.add(IFLA_IFALIAS, std::string(65531, 'x'));
    CHECK(fits.sealed(1).has_value());
    NetlinkRequest request(RTM_NEWLINK, 0, ifinfomsg{});
    request.add(IFLA_IFALIAS, std::string(65532, 'x'));
    CHECK(request.sealed(1).error().code == EMSGSIZE);
}

TEST_CASE("messages of a datagram are taken one by one", "[rtnetlink]") {
    const std::string datagram = padded(message(RTM_NEWADDR, NLM_F_MULTI, "odd")) + message(NLMSG_DONE, 0, error(0));
    std::string_view rest = datagram;
    CHECK((*take_message(rest))->payload == "odd");
    CHECK((*take_message(rest))->type == NLMSG_DONE);
    CHECK(*take_message(rest) == std::nullopt);
}

TEST_CASE("a datagram cut anywhere is an error and never read beyond", "[rtnetlink]") {
    const std::string whole = message(RTM_NEWLINK, 0, std::string(8, 'x'));
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const std::string cut = whole.substr(0, size);
        std::string_view rest = cut;
        CHECK(take_message(rest).error().code == EBADMSG);
    }
}

TEST_CASE("lengths that lie are errors", "[rtnetlink]") {
    for (const std::uint32_t length : {0U, 1U, 15U, 17U, 0xffffffffU}) {
        nlmsghdr header{};
        header.nlmsg_len = length;
        const std::string datagram = bytes(header);
        std::string_view rest = datagram;
        CHECK(take_message(rest).error().code == EBADMSG);
    }
    for (const std::uint16_t length : {0, 1, 3, 5, 0xffff}) {
        const std::string list = bytes(nlattr{length, IFLA_IFNAME});
        std::string_view rest = list;
        CHECK(take_attribute(rest).error().code == EBADMSG);
    }
    std::string_view three = "abc";
    CHECK(take_attribute(three).error().code == EBADMSG);
    std::string_view short_header = "abc";
    CHECK(take_header<ifinfomsg>(short_header).error().code == EBADMSG);
}

TEST_CASE("an attribute's flags are not part of its type", "[rtnetlink]") {
    const std::string list = attribute(IFLA_LINKINFO | NLA_F_NESTED, "x");
    std::string_view rest = list;
    CHECK((*take_attribute(rest))->type == IFLA_LINKINFO);
}

TEST_CASE("an acknowledgement with code 0 is success, warnings or not", "[rtnetlink]") {
    CHECK(read_acknowledgement(only(message(NLMSG_ERROR, NLM_F_CAPPED, error(0)))).has_value());
    CHECK(read_acknowledgement(only(message(NLMSG_DONE, 0, bytes(std::int32_t{0})))).has_value());
    const std::string warning = error(0) + attribute(NLMSGERR_ATTR_MSG, "careful");
    CHECK(read_acknowledgement(only(message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, warning))).has_value());
}

TEST_CASE("an error has the kernel's words behind its text", "[rtnetlink]") {
    const std::string words =
        attribute(NLMSGERR_ATTR_OFFS, "1234") + attribute(NLMSGERR_ATTR_MSG, std::string("name\nin use\0", 12));
    const Error plain = refused(message(NLMSG_ERROR, NLM_F_CAPPED, error(-ENODEV)));
    CHECK(plain.code == ENODEV);
    CHECK(plain.message == "No such device");
    const Error capped = refused(message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, error(-EEXIST) + words));
    CHECK(capped.code == EEXIST);
    CHECK(capped.message == "File exists (name\\nin use)");
    // The whole request, of 16 + 5 bytes, stands before the words.
    const Error echoed =
        refused(message(NLMSG_ERROR, NLM_F_ACK_TLVS, error(-EEXIST, sizeof(nlmsghdr) + 5) + padded("other") + words));
    CHECK(echoed.message == "File exists (name\\nin use)");
    const Error done = refused(message(NLMSG_DONE, NLM_F_ACK_TLVS, bytes(std::int32_t{-EINVAL}) + words));
    CHECK(done.message == "Invalid argument (name\\nin use)");
    CHECK(refused(message(NLMSG_ERROR, NLM_F_CAPPED, error(-4000))).message == "error 4000");
}

TEST_CASE("a malformed acknowledgement is an error of its own", "[rtnetlink]") {
    CHECK(refused(message(NLMSG_ERROR, 0, "")).code == EBADMSG);
    CHECK(refused(message(NLMSG_ERROR, 0, error(EPERM))).code == EBADMSG); // the kernel's are negative
    CHECK(refused(message(NLMSG_ERROR, 0, error(-5000))).code == EBADMSG);
    CHECK(refused(message(NLMSG_ERROR, 0, error(std::numeric_limits<int>::min()))).code == EBADMSG);
    CHECK(refused(message(NLMSG_ERROR, NLM_F_ACK_TLVS, bytes(std::int32_t{-EPERM}))).code == EBADMSG);
    for (const std::uint32_t length : {1000U, 0xfffffffcU, 0xffffffffU}) {
        CHECK(refused(message(NLMSG_ERROR, NLM_F_ACK_TLVS, error(-EPERM, length))).code == EBADMSG);
    }
    CHECK(refused(message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, error(-EPERM) + "abc")).code == EBADMSG);
}
