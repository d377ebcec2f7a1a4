// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/options.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::oci;

namespace {

struct Given {
    std::string root;
    bool force = false;
    std::vector<std::string> env;
    std::vector<Option> options() {
        return {{"root", 'r', "DIR", "", store(root)},
                {"force", 'f', nullptr, "", store(force)},
                {"env", 'e', "X", "", append(env)}};
    }
};

} // namespace

TEST_CASE("options stand anywhere, in both forms, and may repeat", "[options]") {
    Given given;
    const Parsed parsed = must(parse_options({"web", "--root", "/a", "-f", "--env=x", "-ey", "KILL"}, given.options()));
    CHECK(parsed.words == std::vector<std::string>{"web", "KILL"});
    CHECK(given.root == "/a");
    CHECK(given.force);
    CHECK(given.env == std::vector<std::string>{"x", "y"});
}

TEST_CASE("what belongs to another program is left alone", "[options]") {
    Given given;
    CHECK(must(parse_options({"-f", "web", "ls", "-f", "--root"}, given.options(), true)).words ==
          std::vector<std::string>{"web", "ls", "-f", "--root"});
    CHECK(must(parse_options({"--", "--root"}, given.options())).words == std::vector<std::string>{"--root"});
    CHECK(must(parse_options({"--help"}, given.options())).help);
}

TEST_CASE("an option that is unknown or lacks its value is named", "[options]") {
    Given given;
    CHECK(error_of(parse_options({"--nosuch"}, given.options())).message.contains("\"--nosuch\""));
    CHECK(error_of(parse_options({"-x"}, given.options())).message.contains("\"-x\""));
    CHECK(error_of(parse_options({"--root"}, given.options())).message.contains("needs a value"));
}

TEST_CASE("numbers of bytes have units, and limits", "[options]") {
    CHECK(must(byte_count("--memory", "0")) == 0);
    CHECK(must(byte_count("--memory", "-1")) == -1);
    CHECK(must(byte_count("--memory", "512k")) == 512 << 10);
    CHECK(must(byte_count("--memory", "10MB")) == 10 << 20);
    CHECK(must(byte_count("--memory", "2g")) == 2LL << 30);
    for (const char *bad : {"", "k", "1.5g", "-2", "-1k", "9223372036854775808", "8388608t", "1kk", "0x10", " 1"}) {
        INFO(bad);
        CHECK(error_of(byte_count("--memory", bad)).message.starts_with("--memory: "));
    }
    CHECK(error_of(whole_number("--n", "12x")).code == EINVAL);
}
