// SPDX-License-Identifier: Apache-2.0
#include "image-build/sbom.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "base/digest.h"
#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

using nlohmann::json;

const std::string kCommit(64, 'c');
const Release kRelease = {
    .version = "1.20260131.120000", .build_id = "abc-dirty", .source_commit = "abc", .epoch = 1769860800};

std::vector<Package> shipped() {
    return {
        {.name = "g++", .version = "4:14.2.0-1", .architecture = "amd64", .sha256 = sha256("g")},
        {.name = "libstdc++6", .version = "14.2.0-19+deb13u1~x", .architecture = "amd64", .sha256 = sha256("l")},
        {.name = "tzdata", .version = "2025b-4", .architecture = "all", .sha256 = sha256("t")},
    };
}

json document(const std::vector<Package> &packages = shipped()) {
    return json::parse(spdx_document("ballast-cloud", kCommit, kRelease, packages));
}

json package_named(const json &spdx, const std::string &name) {
    const auto found =
        std::ranges::find_if(spdx.at("packages"), [&](const json &entry) { return entry.at("name") == name; });
    REQUIRE(found != spdx.at("packages").end());
    return *found;
}

std::string purl_of(const json &spdx, const std::string &name) {
    return package_named(spdx, name).at("externalRefs").at(0).at("referenceLocator");
}

TEST_CASE("the document has what SPDX 2.3 requires", "[sbom]") {
    const json spdx = document();
    CHECK(spdx.at("spdxVersion") == "SPDX-2.3");
    CHECK(spdx.at("dataLicense") == "CC0-1.0");
    CHECK(spdx.at("SPDXID") == "SPDXRef-DOCUMENT");
    CHECK(spdx.at("name") == "ballast-cloud-1.20260131.120000");
    CHECK(std::regex_match(spdx.at("documentNamespace").get<std::string>(), std::regex("[a-z][a-z0-9+.-]*:[^#]+")));
    CHECK(spdx.at("documentNamespace").get<std::string>().contains(kCommit));
    CHECK(spdx.at("creationInfo").at("created") == "2026-01-31T12:00:00Z");
    CHECK_FALSE(spdx.at("creationInfo").at("creators").empty());
    for (const json &package : spdx.at("packages")) {
        INFO(package.dump());
        CHECK_FALSE(package.at("name").get<std::string>().empty());
        CHECK(package.at("downloadLocation") == "NOASSERTION");
        CHECK(package.at("filesAnalyzed") == false); // otherwise a verification code would be due
        CHECK_FALSE(package.contains("packageVerificationCode"));
    }
}

TEST_CASE("ids are valid, unique, and all that relationships name exist", "[sbom]") {
    const json spdx = document();
    std::set<std::string> ids = {spdx.at("SPDXID")};
    for (const json &package : spdx.at("packages")) {
        const std::string id = package.at("SPDXID");
        INFO(id);
        CHECK(std::regex_match(id, std::regex("SPDXRef-[A-Za-z0-9.-]+")));
        CHECK(ids.insert(id).second);
    }
    for (const json &described : spdx.at("documentDescribes")) {
        CHECK(ids.contains(described));
    }
    std::set<std::string> contained;
    for (const json &relationship : spdx.at("relationships")) {
        CHECK(relationship.at("relationshipType") == "CONTAINS");
        CHECK(relationship.at("spdxElementId") == "SPDXRef-Image");
        CHECK(ids.contains(relationship.at("relatedSpdxElement")));
        CHECK(contained.insert(relationship.at("relatedSpdxElement")).second);
    }
    CHECK(contained.size() == shipped().size() + 1); // the packages, and our own programs
}

TEST_CASE("names that differ only in what an id cannot hold keep ids of their own", "[sbom]") {
    const auto one = [](const std::string &name) {
        return Package{.name = name, .version = "1", .architecture = "amd64", .sha256 = sha256(name)};
    };
    std::set<std::string> ids;
    const json spdx = document({one("lib+a"), one("lib.a"), one("lib-a")});
    for (const json &package : spdx.at("packages")) {
        ids.insert(package.at("SPDXID").get<std::string>());
    }
    CHECK(ids.size() == 5); // the image, the programs, the three
}

TEST_CASE("a package that is installed and also unpacked for the boot loader is listed once", "[sbom]") {
    std::vector<Package> twice = shipped();
    twice.push_back(twice.back());
    twice.back().boot_only = true;
    CHECK(document(twice).at("packages").size() == shipped().size() + 2);
    CHECK(document(twice).at("relationships").size() == shipped().size() + 1);
}

TEST_CASE("package URLs are encoded by the purl specification", "[sbom]") {
    const json spdx = document();
    // "+" is encoded; ":" and "~" must not be.
    CHECK(purl_of(spdx, "g++") == "pkg:deb/debian/g%2B%2B@4:14.2.0-1?arch=amd64");
    CHECK(purl_of(spdx, "libstdc++6") == "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19%2Bdeb13u1~x?arch=amd64");
    CHECK(purl_of(spdx, "tzdata") == "pkg:deb/debian/tzdata@2025b-4?arch=all");
    CHECK(package_named(spdx, "g++").at("externalRefs").at(0).at("referenceType") == "purl");
    CHECK(package_named(spdx, "g++").at("externalRefs").at(0).at("referenceCategory") == "PACKAGE-MANAGER");
}

TEST_CASE("each package has its version and SHA-256", "[sbom]") {
    const json spdx = document();
    const json package = package_named(spdx, "libstdc++6");
    CHECK(package.at("versionInfo") == "14.2.0-19+deb13u1~x");
    CHECK(package.at("checksums").is_array());
    CHECK(package.at("checksums").at(0).at("algorithm") == "SHA256");
    CHECK(package.at("checksums").at(0).at("checksumValue") == sha256("l"));
}

TEST_CASE("the same inputs give the same text", "[sbom]") {
    const std::string text = spdx_document("ballast-cloud", kCommit, kRelease, shipped());
    CHECK(text == spdx_document("ballast-cloud", kCommit, kRelease, shipped()));
    CHECK(text.ends_with("}\n"));
    CHECK(text != spdx_document("ballast-metal", kCommit, kRelease, shipped()));
}

TEST_CASE("shipped are the packages that dpkg still has installed, and the boot loaders", "[sbom]") {
    PackageSet set{shipped()};
    set.packages.push_back(
        {.name = "shim", .version = "1", .architecture = "amd64", .sha256 = sha256("s"), .boot_only = true});
    const std::string status = "Package: g++\nStatus: install ok installed\nVersion: 1\n\n"
                               "Package: tzdata\nStatus: deinstall ok config-files\n\n"
                               "Package: libstdc++6\nEssential: yes\nStatus: install ok installed\n\n"
                               "Package: unrelated\nStatus: install ok installed\n";
    std::vector<std::string> names;
    for (const Package &package : shipped_packages(set, status)) {
        names.push_back(package.name);
    }
    CHECK(names == std::vector<std::string>{"g++", "libstdc++6", "shim"});
}

} // namespace
} // namespace ballast::image_build
