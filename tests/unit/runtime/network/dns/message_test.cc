// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/message.h"

#include <vector>

#include "runtime/network/dns/response.h"
#include "runtime/network/dns/wire.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::dns;
using namespace std::string_literals;

namespace {

// The header of a query for one name, recursion desired.
std::string header(unsigned additionals = 0) {
    return "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"s + static_cast<char>(additionals);
}
std::string question(const std::string &name, unsigned type) {
    return name + "\x00\x00"s + static_cast<char>(type) + "\x00\x01"s;
}
const std::string kWeb = "\x03wEb"s;
std::string web_query(unsigned type = kA) { return header() + question(kWeb, type); }

// OPT with that room, version and DO bit.
std::string opt(unsigned room, unsigned version, bool dnssec_ok) {
    std::string bytes = "\x00\x00\x29"s;
    put_number(bytes, room);
    bytes += '\0';
    bytes += static_cast<char>(version);
    put_number(bytes, dnssec_ok ? 0x8000 : 0);
    put_number(bytes, 0);
    return bytes;
}

Query query_of(const std::string &message) {
    const auto query = read_query(message);
    REQUIRE(query.has_value());
    return *query;
}

Address address(const char *text) { return Address::parse(text).value(); }

} // namespace

TEST_CASE("a question is read with its name in lower case and its bytes as they came", "[dns]") {
    const Query query = query_of(web_query(kAaaa));
    CHECK(query.id == 0x1234);
    CHECK(query.recursion_desired);
    CHECK(query.name == "web");
    CHECK(query.type == kAaaa);
    CHECK(query.of_class == kInternet);
    CHECK(query.question == "\x03wEb\x00\x00\x1c\x00\x01"s);
    CHECK(!query.edns);
    CHECK(query.udp_limit == kPlainLimit);
}

TEST_CASE("a dot inside of a label does not make another name of it", "[dns]") {
    const Query query = query_of(header() + "\x05w.b\x01\\\x00\x00\x01\x00\x01"s);
    CHECK(query.name == "w\\046b\\001\\092");
}

TEST_CASE("EDNS says how much a client takes, within bounds", "[dns]") {
    for (const auto &[room, limit] :
         std::vector<std::pair<unsigned, std::size_t>>{{1232, 1232}, {0, kPlainLimit}, {65535, kOurLimit}}) {
        const Query query = query_of(header(1) + "\x03web\x00\x00\x01\x00\x01"s + opt(room, 0, true));
        CHECK(query.edns);
        CHECK(query.dnssec_ok);
        CHECK(query.udp_limit == limit);
    }
}

TEST_CASE("a later version of EDNS is answered with ours", "[dns]") {
    const auto query = read_query(header(1) + "\x03web\x00\x00\x01\x00\x01"s + opt(1232, 1, false));
    REQUIRE(!query.has_value());
    const std::string reply = query.error().reply.value();
    CHECK((number_at(reply, kFlagsAt) & kCodeMask) == 0);
    const std::string end = reply.substr(reply.size() - 11);
    CHECK(end == "\x00\x00\x29\x10\x00\x01\x00\x00\x00\x00\x00"s); // the code's upper bits: BADVERS
}

TEST_CASE("what is no question gets an error, or nothing when nobody asked", "[dns]") {
    const auto code = [](const std::string &message) {
        const auto query = read_query(message);
        REQUIRE(!query.has_value());
        return query.error().reply ? static_cast<int>(code_of(*query.error().reply)) : -1;
    };
    CHECK(code("") == -1);
    CHECK(code(header().substr(0, 11)) == -1);
    std::string answer = web_query();
    answer[2] = '\x81';
    CHECK(code(answer) == -1);
    std::string update = web_query();
    update[2] = '\x29';
    CHECK(code(update) == static_cast<int>(Code::kNotImplemented));
    std::string two = web_query();
    two[5] = 2;
    CHECK(code(two) == static_cast<int>(Code::kFormatError));
    for (std::size_t size = kHeaderSize; size < web_query().size(); size++) {
        CHECK(code(web_query().substr(0, size)) == static_cast<int>(Code::kFormatError));
    }
    CHECK(code(header() + "\xc0\x0c\x00\x01\x00\x01"s) == static_cast<int>(Code::kFormatError)); // points to itself
    const std::string with_opt = header(2) + "\x03web\x00\x00\x01\x00\x01"s + opt(512, 0, false);
    CHECK(code(with_opt) == static_cast<int>(Code::kFormatError)); // announces one more
    CHECK(code(with_opt + opt(512, 0, false)) == static_cast<int>(Code::kFormatError));
    std::string longest = header();
    for (int i = 0; i < 4; i++) {
        longest += '\x3f' + std::string(63, 'a');
    }
    CHECK(code(longest + "\x00\x00\x01\x00\x01"s) == static_cast<int>(Code::kFormatError)); // 257 bytes
}

TEST_CASE("an answer has the question and what there is about it", "[dns]") {
    const std::vector<Record> records{address("10.0.0.2"), address("fd00::2"), "db.net"s};
    const std::string response = write_response(query_of(web_query(kAny)), Code::kNoError, records, kPlainLimit);
    CHECK(response == "\x12\x34\x81\x80\x00\x01\x00\x03\x00\x00\x00\x00"
                      "\x03wEb\x00\x00\xff\x00\x01"
                      "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x02"
                      "\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x05\x00\x10\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                      "\x00\x00\x00\x02"
                      "\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x05\x00\x08\x02"
                      "db\x03net\x00"s);
    CHECK(is_response_to(response, web_query(kAny)));
}

TEST_CASE("an answer that is too long is truncated behind a whole record", "[dns]") {
    const std::vector<Record> records(100, address("10.0.0.2"));
    const std::string response = write_response(query_of(web_query()), Code::kNoError, records, kPlainLimit);
    CHECK(response.size() <= kPlainLimit);
    CHECK((number_at(response, kFlagsAt) & kIsTruncated) != 0);
    CHECK(number_at(response, kAnswersAt) == (response.size() - web_query().size()) / 16);
    const std::string whole = write_response(query_of(web_query()), Code::kNoError, records, kLargest);
    CHECK((number_at(whole, kFlagsAt) & kIsTruncated) == 0);
    CHECK(number_at(whole, kAnswersAt) == 100);
}

TEST_CASE("only the answer to the very question is one", "[dns]") {
    const std::string query = web_query();
    const std::string answer = write_response(query_of(query), Code::kNoError, {}, kPlainLimit);
    CHECK(is_response_to(answer, query));
    CHECK(is_response_to(lower_case(answer), query)); // some servers spell it their way
    CHECK(!is_response_to(query, query));
    CHECK(!is_response_to(answer, web_query(kAaaa)));
    // Types that differ as letters do: 65 and 97.
    CHECK(!is_response_to(write_response(query_of(web_query(65)), Code::kNoError, {}, kPlainLimit), web_query(97)));
    std::string other_id = answer;
    other_id[1]++;
    CHECK(!is_response_to(other_id, query));
    std::string failure = answer.substr(0, kHeaderSize);
    put_number_at(failure, kQuestionsAt, 0);
    CHECK(!is_response_to(failure, query));
    put_number_at(failure, kFlagsAt, kIsAnswer | static_cast<unsigned>(Code::kServerFailure));
    CHECK(is_response_to(failure, query));
}

TEST_CASE("a response that a client has no room for becomes its question", "[dns]") {
    const std::vector<Record> records(100, address("10.0.0.2"));
    const std::string whole = write_response(query_of(web_query()), Code::kNoError, records, kLargest);
    CHECK(cut_to(whole, kLargest) == whole);
    const std::string cut = cut_to(whole, kPlainLimit);
    CHECK(cut.size() == web_query().size());
    CHECK((number_at(cut, kFlagsAt) & kIsTruncated) != 0);
    CHECK(number_at(cut, kAnswersAt) == 0);
    CHECK(is_response_to(cut, web_query()));
}

TEST_CASE("addresses have names of their own", "[dns]") {
    CHECK(reverse_name(address("172.18.0.2")) == "2.0.18.172.in-addr.arpa");
    CHECK(reverse_name(address("fd00::12")) ==
          "2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa");
}
