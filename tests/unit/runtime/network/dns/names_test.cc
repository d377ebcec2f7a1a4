// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/names.h"

#include <set>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::dns;

namespace {

Endpoint endpoint(const std::string &id, std::vector<std::string> names, const std::vector<const char *> &addresses) {
    Endpoint made{.container = id, .names = std::move(names), .addresses = {}};
    for (const char *text : addresses) {
        made.addresses.push_back(Address::parse(text).value());
    }
    return made;
}

const View kFront{.networks = {"f"}};
const View kBoth{.networks = {"f", "b"}};

// "10.0.0.2 10.0.0.3", "nothing" for a name that is known, "nobody" for one that is not.
std::string found(Names &names, const View &view, std::string_view name, std::uint16_t type) {
    const auto records = names.look_up(view, name, type);
    if (!records) {
        return "nobody";
    }
    std::string text;
    for (const Record &record : *records) {
        const auto *address = std::get_if<Address>(&record);
        text += (text.empty() ? "" : " ") + (address != nullptr ? address->text() : std::get<std::string>(record));
    }
    return text.empty() ? "nothing" : text;
}

struct Fixture {
    Names names;
    Fixture() {
        names.add_network("f", "Front");
        names.add_network("b", "back");
        names.put("f", endpoint("1", {"Web", "www", "0123456789ab"}, {"10.0.0.2", "fd00::2"}));
        names.put("b", endpoint("2", {"db"}, {"10.1.0.2"}));
    }
};

} // namespace

TEST_CASE("a container is known by its names, whatever their spelling, on its network alone", "[dns]") {
    Fixture fixture;
    CHECK(found(fixture.names, kFront, "web", kA) == "10.0.0.2");
    CHECK(found(fixture.names, kFront, "www", kA) == "10.0.0.2");
    CHECK(found(fixture.names, kFront, "0123456789ab", kAaaa) == "fd00::2");
    CHECK(found(fixture.names, kFront, "web.front", kA) == "10.0.0.2");
    CHECK(found(fixture.names, kFront, "web.back", kA) == "nobody");
    CHECK(found(fixture.names, kFront, "db", kA) == "nobody");
    CHECK(found(fixture.names, kBoth, "db", kA) == "10.1.0.2");
    CHECK(found(fixture.names, kBoth, "db.back", kA) == "10.1.0.2");
    CHECK(found(fixture.names, View{}, "web", kA) == "nobody");
    CHECK(found(fixture.names, kFront, "", kA) == "nobody");
}

TEST_CASE("a known name without an address of that family has nothing, and is not asked for elsewhere", "[dns]") {
    Fixture fixture;
    CHECK(found(fixture.names, kBoth, "db", kAaaa) == "nothing");
    CHECK(found(fixture.names, kBoth, "db", 15) == "nothing");
    CHECK(found(fixture.names, kFront, "web", kAny) == "10.0.0.2 fd00::2");
}

TEST_CASE("a service has the addresses of all its containers, in rotation", "[dns]") {
    Fixture fixture;
    for (const auto &[id, address] : std::map<std::string, const char *>{{"3", "10.0.0.3"}, {"4", "10.0.0.4"}}) {
        fixture.names.put("f", endpoint(id, {"worker-" + id, "worker"}, {address}));
    }
    std::multiset<std::string> first;
    for (int i = 0; i < 10; i++) {
        first.insert(found(fixture.names, kFront, "worker", kA));
        CHECK(found(fixture.names, kFront, "worker", kAaaa) == "nothing"); // clients ask for both
    }
    CHECK(first.count("10.0.0.3 10.0.0.4") == 5);
    CHECK(first.count("10.0.0.4 10.0.0.3") == 5);
    fixture.names.remove("f", "3");
    CHECK(found(fixture.names, kFront, "worker", kA) == "10.0.0.4");
    CHECK(found(fixture.names, kFront, "worker-3", kA) == "nobody");
}

TEST_CASE("an address points to its container's name on the network", "[dns]") {
    Fixture fixture;
    CHECK(found(fixture.names, kFront, "2.0.0.10.in-addr.arpa", kPtr) == "Web.front");
    CHECK(found(fixture.names, kFront, reverse_name(Address::parse("fd00::2").value()), kPtr) == "Web.front");
    CHECK(found(fixture.names, kFront, "2.0.0.10.in-addr.arpa", kA) == "nothing");
    CHECK(found(fixture.names, kFront, "2.0.1.10.in-addr.arpa", kPtr) == "nobody");
    fixture.names.remove("f", "1");
    CHECK(found(fixture.names, kFront, "2.0.0.10.in-addr.arpa", kPtr) == "nobody");
}

TEST_CASE("a container that is put again is what it is now", "[dns]") {
    Fixture fixture;
    fixture.names.put("f", endpoint("1", {"web"}, {"10.0.0.9"}));
    CHECK(found(fixture.names, kFront, "web", kA) == "10.0.0.9");
    CHECK(found(fixture.names, kFront, "www", kA) == "nobody");
    CHECK(found(fixture.names, kFront, "2.0.0.10.in-addr.arpa", kPtr) == "nobody");
}

TEST_CASE("a container's own names for others lead to them", "[dns]") {
    Fixture fixture;
    const View view{.networks = {"f"}, .links = {{"server", "web"}}};
    CHECK(found(fixture.names, view, "server", kA) == "10.0.0.2");
    CHECK(found(fixture.names, kFront, "server", kA) == "nobody");
}

TEST_CASE("nobody knows a container that is gone from everywhere", "[dns]") {
    Fixture fixture;
    fixture.names.put("b", endpoint("1", {"web"}, {"10.1.0.3"}));
    fixture.names.remove("1");
    CHECK(found(fixture.names, kBoth, "web", kA) == "nobody");
    CHECK(found(fixture.names, kBoth, "db", kA) == "10.1.0.2");
}

TEST_CASE("nothing is left of a network that is gone", "[dns]") {
    Fixture fixture;
    fixture.names.remove_network("f");
    fixture.names.remove("f", "1");
    CHECK(found(fixture.names, kBoth, "web", kA) == "nobody");
    CHECK(found(fixture.names, kBoth, "db", kA) == "10.1.0.2");
}
