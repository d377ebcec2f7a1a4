// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/network/dns/message.h"
#include "runtime/network/dns/resolv_conf.h"
#include "runtime/network/dns/response.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::dns;

namespace {

fuzz::Verdict judge_query(std::string_view input) {
    const std::expected<Query, Unanswerable> query = read_query(input);
    if (!query) {
        const std::string reply = query.error().reply.value_or(std::string());
        const bool well = reply.empty() || (reply.size() >= kHeaderSize && reply.size() <= kPlainLimit &&
                                            reply.substr(0, 2) == input.substr(0, 2) && !read_query(reply));
        return {false, well ? "" : "a reply that is none"};
    }
    const auto is_name = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '\\';
    };
    if (!std::ranges::all_of(query->name, is_name)) {
        return {true, "a name with other letters"};
    }
    if (query->udp_limit < kPlainLimit || query->udp_limit > kOurLimit) {
        return {true, "a limit out of bounds"};
    }
    const std::vector<Record> records(300, Address::parse("fd00::1").value());
    for (const std::size_t limit : {kPlainLimit, query->udp_limit, kLargest}) {
        const std::string response = write_response(*query, Code::kNoError, records, limit);
        if (response.size() > limit || !is_response_to(response, input)) {
            return {true, "a response that is none, or too long"};
        }
        const std::string cut = cut_to(response, kPlainLimit);
        if (cut.size() > kPlainLimit || !is_response_to(cut, input)) {
            return {true, "a cut response that is none, or too long"};
        }
    }
    return {true, ""};
}

fuzz::Verdict judge_response(std::string_view input) {
    const std::string query = std::string("\0\0\1\0\0\1\0\0\0\0\0\0\3web\0\0\1\0\1", 21);
    if (!is_response_to(input, query)) {
        return {false, ""};
    }
    const std::string cut = cut_to(std::string(input), kPlainLimit);
    return {true, cut.size() > kPlainLimit || !is_response_to(cut, query) ? "cut into something else" : ""};
}

fuzz::Verdict judge_resolv_conf(std::string_view input) {
    const ResolvConf conf = parse_resolv_conf(input);
    const ResolvConf again = parse_resolv_conf(write_resolv_conf(conf));
    const bool same = conf.servers == again.servers && conf.search == again.search && conf.options == again.options;
    return {!conf.servers.empty(), same ? "" : "another file after writing and reading"};
}

} // namespace

TEST_CASE("the reader of name queries keeps its promises for any bytes", "[fuzz]") {
    fuzz::check({.name = "dns-query",
                 .corpus = "tests/fuzz/corpus/dns-query",
                 .parse = judge_query,
                 .duration = std::chrono::seconds(5),
                 .words = {std::string("\xc0\x0c", 2), std::string("\0\0\x29", 3), std::string("\0\x1c\0\1", 4), "\x3f",
                           "\xff", std::string("\0", 1)}});
}

TEST_CASE("the reader of name servers' responses keeps its promises for any bytes", "[fuzz]") {
    fuzz::check({.name = "dns-response",
                 .corpus = "tests/fuzz/corpus/dns-response",
                 .parse = judge_response,
                 .duration = std::chrono::seconds(5),
                 .words = {std::string("\xc0\x0c", 2), std::string("\0\1", 2), "\x84", std::string("\0", 1)}});
}

TEST_CASE("the reader of resolv.conf keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "resolv-conf",
                 .corpus = "tests/fuzz/corpus/resolv-conf",
                 .parse = judge_resolv_conf,
                 .duration = std::chrono::seconds(5),
                 .words = {"nameserver", "search", "domain", "options", "\n", "#", "%", "::1", "127.0.0.53"}});
}
