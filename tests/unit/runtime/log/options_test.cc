// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/options.h"

#include "runtime/log/attributes.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::container_log;

namespace {

std::string refusal(std::string_view driver, const Pairs &options) {
    const Status checked = check_log_options(driver, options);
    return checked ? "" : checked.error().message;
}

} // namespace

TEST_CASE("options that docker takes are taken", "[log]") {
    CHECK(refusal("json-file",
                  {{"max-size", "10m"}, {"max-file", "3"}, {"labels", "a,b"}, {"env-regex", "^X"}, {"tag", "t"}})
              .empty());
    CHECK(refusal("json-file", {{"mode", "non-blocking"}, {"max-buffer-size", "4m"}, {"compress", "false"}}).empty());
    CHECK(refusal("local", {{"max-size", "1g"}, {"max-file", "5"}}).empty());
    CHECK(refusal("journald", {{"tag", "x"}, {"labels", "a"}}).empty());
    CHECK(refusal("syslog", {{"syslog-address", "udp://1.2.3.4:1111"},
                             {"syslog-facility", "local7"},
                             {"syslog-format", "rfc5424micro"}})
              .empty());
    CHECK(refusal("none", {{"anything", "goes"}}).empty());
    CHECK(refusal("cri", {}).empty());
}

TEST_CASE("others are refused in docker's words", "[log]") {
    CHECK(refusal("fluentd", {}) == "logger: no log driver named 'fluentd' is registered");
    CHECK(refusal("json-file", {{"x", "1"}}) == "unknown log opt 'x' for json-file log driver");
    CHECK(refusal("local", {{"labels", "1"}}) == "unknown log opt 'labels' for log driver local");
    CHECK(refusal("journald", {{"max-size", "1"}}) == "unknown log opt 'max-size' for journald log driver");
    CHECK(refusal("syslog", {{"max-size", "1"}}) == "unknown log opt 'max-size' for syslog log driver");
    CHECK(refusal("json-file", {{"max-size", "lots"}}) == "invalid size: 'lots'");
    CHECK(refusal("json-file", {{"max-size", "0"}}) == "max-size must be a positive number");
    CHECK(refusal("json-file", {{"max-size", "1m"}, {"max-file", "0"}}) == "max-file cannot be less than 1");
    CHECK(refusal("json-file", {{"max-file", "two"}}) == "strconv.Atoi: parsing \"two\": invalid syntax");
    CHECK(refusal("local", {{"compress", "true"}}).contains("not compressed"));
    CHECK(refusal("json-file", {{"mode", "slow"}}) == "logger: logging mode not supported: slow");
    CHECK(refusal("json-file", {{"max-buffer-size", "1m"}}).contains("only supported with 'mode=non-blocking'"));
    CHECK(refusal("syslog", {{"syslog-facility", "nowhere"}}) == "invalid syslog facility");
    CHECK(refusal("syslog", {{"syslog-format", "rfc1"}}) == "Invalid syslog format");
    CHECK(refusal("syslog", {{"syslog-address", "tcp+tls://h:1"}}).contains("tcp+tls is not supported"));
    CHECK(refusal("syslog", {{"syslog-address", "unix:///" + std::string(107, 'x')}}).contains("at most 107 bytes"));
    CHECK(refusal("syslog", {{"syslog-address", "unix:///" + std::string(106, 'x')}}).empty());
    CHECK(refusal("syslog", {{"syslog-address", "1.2.3.4"}}) ==
          "syslog-address should be in form proto://address, got 1.2.3.4");
    CHECK(refusal("syslog", {{"syslog-tls-cert", "/x"}}).contains("no TLS"));
}

TEST_CASE("sizes are read as docker reads them", "[log]") {
    CHECK(must(human_size("10m")) == 10'000'000);
    CHECK(must(human_size("1.5kB")) == 1500);
    CHECK(must(human_size("2 GiB")) == 2'000'000'000);
    CHECK(must(human_size("12")) == 12);
    for (const char *wrong : {"", "m", "-1", "1x", "1mm", "1e400", "nan", "inf", "9999999p"}) {
        CAPTURE(wrong);
        CHECK_FALSE(human_size(wrong).has_value());
    }
}

TEST_CASE("addresses of syslog servers are taken apart", "[log]") {
    using Kind = SyslogAddress::Kind;
    CHECK(must(parse_syslog_address("")).kind == Kind::kLocal);
    const SyslogAddress udp = must(parse_syslog_address("udp://[::1]:1514"));
    CHECK(udp.kind == Kind::kUdp);
    CHECK(udp.host == "::1");
    CHECK(udp.port == "1514");
    CHECK(must(parse_syslog_address("tcp://host")).port == "514");
    CHECK(must(parse_syslog_address("unix:///run/log")).path == "/run/log");
    CHECK(must(parse_syslog_address("unixgram:///run/log")).kind == Kind::kUnixDatagram);
    for (const char *wrong :
         {"http://x", "udp://", "udp://h:0", "udp://h:99999", "udp://h:x", "unix://relative", "udp://[::1]x"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_syslog_address(wrong).has_value());
    }
}

TEST_CASE("facilities have names and numbers", "[log]") {
    CHECK(must(syslog_facility("")) == 3);
    CHECK(must(syslog_facility("kern")) == 0);
    CHECK(must(syslog_facility("ftp")) == 11);
    CHECK(must(syslog_facility("local0")) == 16);
    CHECK(must(syslog_facility("local7")) == 23);
    CHECK(must(syslog_facility("9")) == 9);
    CHECK_FALSE(syslog_facility("24").has_value());
}

TEST_CASE("labels and variables are chosen by name and by expression", "[log]") {
    const Pairs labels{{"app", "web"}, {"app.tier", "front"}, {"other", "x"}};
    const Pairs environment{{"HOME", "/root"}, {"APP_MODE", "fast"}};
    CHECK(must(log_attributes({{"labels", "app,missing"}, {"env", "HOME"}}, labels, environment)) ==
          Pairs{{"HOME", "/root"}, {"app", "web"}});
    CHECK(must(log_attributes({{"labels-regex", "^app"}, {"env-regex", "^APP_"}}, labels, environment)) ==
          Pairs{{"APP_MODE", "fast"}, {"app", "web"}, {"app.tier", "front"}});
    CHECK(must(log_attributes({}, labels, environment)).empty());
    CHECK(error_of(log_attributes({{"env-regex", "("}}, labels, environment)).code == EINVAL);
}

TEST_CASE("hosts become numbers for the monitor", "[log]") {
    CHECK(must(resolved_options({{"syslog-address", "udp://127.0.0.1:99"}, {"tag", "x"}})) ==
          Pairs{{"syslog-address", "udp://127.0.0.1:99"}, {"tag", "x"}});
    CHECK(must(resolved_options({{"syslog-address", "tcp://[::1]:99"}})) ==
          Pairs{{"syslog-address", "tcp://[::1]:99"}});
    CHECK(must(resolved_options({{"syslog-address", "unix:///run/log"}})) ==
          Pairs{{"syslog-address", "unix:///run/log"}});
    CHECK_FALSE(resolved_options({{"syslog-address", "udp://no.such.host.invalid"}}).has_value());
}
