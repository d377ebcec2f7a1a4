// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/quantity.h"

#include "tests/unit/check.h"

using ballast::agent::Quantity;

namespace {

std::int64_t milli(const char *text) { return Quantity::parse(text).value().milli(); }

} // namespace

TEST_CASE("amounts are read with every suffix", "[agent]") {
    REQUIRE(milli("0") == 0);
    REQUIRE(milli("1") == 1000);
    REQUIRE(milli("500m") == 500);
    REQUIRE(milli("0.1") == 100);
    REQUIRE(milli("1.5") == 1500);
    REQUIRE(milli("100u") == 1); // rounded up
    REQUIRE(milli("1k") == 1'000'000);
    REQUIRE(milli("1e3") == 1'000'000);
    REQUIRE(milli("1E2") == 100'000);
    REQUIRE(milli("5e-1") == 500);
    REQUIRE(milli("+2") == 2000);
    REQUIRE(Quantity::parse("64Mi")->whole() == 64 << 20);
    REQUIRE(Quantity::parse("1.5Gi")->whole() == 3LL << 29);
    REQUIRE(Quantity::parse("129M")->whole() == 129'000'000);
    REQUIRE(Quantity::parse("2Pi")->whole() == 2LL << 50);
    REQUIRE(Quantity::parse("1500m")->whole() == 2);
    REQUIRE(Quantity::parse("1500m")->text() == "1500m");
}

TEST_CASE("what is no amount is none", "[agent]") {
    for (const char *text :
         {"", "-1", "m", "1 Mi", "1mi", "1.2.3", "1Kib", "0x10", "99999999999999999999", "9E", "1e99", "."}) {
        CAPTURE(text);
        REQUIRE_FALSE(Quantity::parse(text));
    }
}

TEST_CASE("amounts are divided and compared", "[agent]") {
    const Quantity memory = *Quantity::parse("100Mi");
    REQUIRE(memory.in(*Quantity::parse("1Mi")) == 100);
    REQUIRE(memory.in(*Quantity::parse("1Gi")) == 1); // rounded up
    REQUIRE(*Quantity::parse("1") == *Quantity::parse("1000m"));
    REQUIRE(*Quantity::parse("1") < *Quantity::parse("1001m"));
}
