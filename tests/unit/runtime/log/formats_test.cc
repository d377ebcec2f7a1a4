// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/formats.h"

#include "runtime/log/decode.h"
#include "runtime/log/syslog_format.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::container_log;

namespace {

constexpr std::int64_t kTime = 1'715'000'000'120'000'000; // 2024-05-06T12:53:20.12Z

std::string json_line(const Line &line, const Pairs &attributes = {}) {
    std::string text;
    append_json_line(text, line, json_attributes(attributes));
    return text;
}

} // namespace

TEST_CASE("json-file has docker's lines, byte for byte", "[log]") {
    CHECK(json_line({.time_ns = kTime, .text = "hello"}) ==
          "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\"2024-05-06T12:53:20.12Z\"}\n");
    CHECK(json_line({.stream = Stream::kStderr, .time_ns = kTime, .text = "part", .ended = false}) ==
          "{\"log\":\"part\",\"stream\":\"stderr\",\"time\":\"2024-05-06T12:53:20.12Z\"}\n");
    CHECK(json_line({.time_ns = 0, .text = "x"}, {{"env", "a\"b"}, {"l", ""}}) ==
          "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"env\":\"a\\\"b\",\"l\":\"\"},\"time\":\"1970-01-01T00:"
          "00:00Z\"}\n");
}

TEST_CASE("what JSON or HTML would take otherwise is escaped as docker does", "[log]") {
    const auto escaped_text = [](std::string_view text) {
        const std::string line = json_line({.text = text, .ended = false});
        return line.substr(8, line.find("\",\"stream") - 8);
    };
    CHECK(escaped_text("a\"b\\c") == "a\\\"b\\\\c");
    CHECK(escaped_text("<a>&b") == "\\u003ca\\u003e\\u0026b");
    CHECK(escaped_text("\t\r\x01\x7f") == "\\u0009\\r\\u0001\x7f");
    CHECK(escaped_text(std::string_view("\0", 1)) == "\\u0000");
    CHECK(escaped_text("ä€😀") == "ä€😀");
    CHECK(escaped_text("\xff\xc3(\xe2\x82") == "\\ufffd\\ufffd(\\ufffd\\ufffd");
    CHECK(escaped_text("\xed\xa0\x80\xc0\x80\xf5") == "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd");
    CHECK(escaped_text("\xe2\x80\xa8\xe2\x80\xa9") == "\\u2028\\u2029");
}

TEST_CASE("json-file is read back as it was written", "[log]") {
    const std::string text("all \0 bytes \x01 \"\\ <ä😀>", 25);
    const std::string line =
        json_line({.stream = Stream::kStderr, .time_ns = kTime, .text = text}, {{"a", "1"}, {"b", "2"}});
    Entry entry;
    const Decoded decoded = decode_json_line(line + "rest", entry);
    CHECK(decoded.good);
    CHECK(decoded.size == line.size());
    CHECK(entry.text == text + "\n");
    CHECK(entry.stream == Stream::kStderr);
    CHECK(entry.time_ns == kTime);
    CHECK(entry.attributes == Pairs{{"a", "1"}, {"b", "2"}});
    CHECK(decode_json_line(line.substr(0, line.size() - 1), entry).size == 0);
}

TEST_CASE("lines of others are read as well, in any order and with pairs of surrogates", "[log]") {
    Entry entry;
    CHECK(
        decode_json_line(
            "{\"time\":\"2024-05-06T12:53:20.12Z\", \"stream\":\"stdout\", \"log\":\"\\ud83d\\ude00\\/\\n\"}\n", entry)
            .good);
    CHECK(entry.text == "😀/\n");
    for (const char *wrong : {"{}\n", "\n", "{\"log\":\"x\",\"stream\":\"stdout\"}\n",
                              "{\"log\":\"x\",\"stream\":\"stdin\",\"time\":\"2024-05-06T12:53:20Z\"}\n",
                              "{\"log\":\"\\ud83d\",\"stream\":\"stdout\",\"time\":\"2024-05-06T12:53:20Z\"}\n",
                              "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"2024-05-06T12:53:20Z\"}x\n"}) {
        CAPTURE(wrong);
        const Decoded decoded = decode_json_line(wrong, entry);
        CHECK_FALSE(decoded.good);
        CHECK(decoded.size == std::string_view(wrong).size());
    }
}

TEST_CASE("the kubelet's lines say whether they go on", "[log]") {
    std::string text;
    append_cri_line(text, {.time_ns = kTime, .text = "one two"});
    append_cri_line(text, {.stream = Stream::kStderr, .time_ns = kTime, .text = "", .ended = false});
    CHECK(text == "2024-05-06T12:53:20.120000000Z stdout F one two\n2024-05-06T12:53:20.120000000Z stderr P \n");
    Entry entry;
    const Decoded decoded = decode_cri_line(text, entry);
    CHECK(decoded.good);
    CHECK(entry.text == "one two\n");
    CHECK(decode_cri_line(text.substr(decoded.size), entry).good);
    CHECK(entry.text.empty());
    CHECK(entry.stream == Stream::kStderr);
    CHECK_FALSE(decode_cri_line("2024-05-06T12:53:20Z stdout X text\n", entry).good);
}

TEST_CASE("records of local can be found from both ends", "[log]") {
    std::string text;
    append_local_record(
        text,
        {.stream = Stream::kStderr, .time_ns = kTime, .text = std::string_view("a\0\n", 3), .ended = false, .part = 1});
    CHECK(text.size() == 4 + kLocalHeader + 3 + 4);
    CHECK(text.substr(0, 4) == text.substr(text.size() - 4));
    Entry entry;
    const Decoded decoded = decode_local_record(text, entry);
    CHECK(decoded.good);
    CHECK(decoded.size == text.size());
    CHECK(entry.text == std::string_view("a\0\n", 3));
    CHECK(entry.time_ns == kTime);
    CHECK(decode_local_record(text.substr(0, text.size() - 1), entry).size == 0);
    text.back() = '\0'; // the sizes differ
    CHECK_FALSE(decode_local_record(text, entry).good);
    CHECK_FALSE(decode_local_record(std::string(8, '\xff'), entry).good);
}

TEST_CASE("syslog messages have the form that was asked for", "[log]") {
    using Format = SyslogStyle::Format;
    SyslogStyle style{.format = Format::kRfc5424, .facility = 16, .host = "box", .tag = "web", .pid = 12};
    const Line line{.time_ns = kTime, .text = "hello"};
    CHECK(syslog_message(style, line) == "<134>1 2024-05-06T12:53:20Z box web 12 web - hello\n");
    style.format = Format::kRfc5424Micro;
    CHECK(syslog_message(style, line) == "<134>1 2024-05-06T12:53:20.120000Z box web 12 web - hello\n");
    setenv("TZ", "UTC", 1);
    style.format = Format::kRfc3164;
    CHECK(syslog_message(style, {.stream = Stream::kStderr, .time_ns = kTime, .text = "no"}) ==
          "<131>May  6 12:53:20 box web[12]: no\n");
    style.format = Format::kUnix;
    style.facility = 3;
    CHECK(syslog_message(style, line) == "<30>May  6 12:53:20 web[12]: hello\n");
}
