// SPDX-License-Identifier: Apache-2.0
#include "image-build/sbom.h"

#include <chrono>
#include <format>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace ballast::image_build {
namespace {

using nlohmann::ordered_json;

// SPDX ids hold letters, digits, "." and "-". The digest's beginning keeps apart what the others write alike.
std::string spdx_id(const Package &package) {
    std::string id = "SPDXRef-Package-" + package.name + "-" + package.architecture;
    for (char &letter : id) {
        if (letter == '+' || letter == '_') {
            letter = '.';
        }
    }
    return id + "-" + package.sha256.substr(0, 8);
}

// Of a package URL (purl): what is not unreserved is percent-encoded, the colon excepted.
std::string percent_encoded(const std::string &text) {
    std::string encoded;
    for (const char letter : text) {
        const bool plain = std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '.' || letter == '-' ||
                           letter == '_' || letter == '~' || letter == ':';
        encoded += plain ? std::string(1, letter) : std::format("%{:02X}", static_cast<unsigned char>(letter));
    }
    return encoded;
}

ordered_json package_entry(const Package &package) {
    return {{"SPDXID", spdx_id(package)},
            {"name", package.name},
            {"versionInfo", package.version},
            {"supplier", "Organization: Debian"},
            {"downloadLocation", "NOASSERTION"},
            {"filesAnalyzed", false},
            {"licenseConcluded", "NOASSERTION"},
            {"licenseDeclared", "NOASSERTION"},
            {"copyrightText", "NOASSERTION"},
            {"checksums", {{{"algorithm", "SHA256"}, {"checksumValue", package.sha256}}}},
            {"externalRefs",
             {{{"referenceCategory", "PACKAGE-MANAGER"},
               {"referenceType", "purl"},
               {"referenceLocator", std::format("pkg:deb/debian/{}@{}?arch={}", percent_encoded(package.name),
                                                percent_encoded(package.version), package.architecture)}}}}};
}

} // namespace

std::vector<Package> shipped_packages(const PackageSet &set, const std::string &dpkg_status) {
    std::set<std::string> installed;
    std::istringstream lines(dpkg_status);
    std::string name;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("Package: ")) {
            name = line.substr(9);
        } else if (line == "Status: install ok installed") {
            installed.insert(name);
        }
    }
    std::vector<Package> shipped;
    for (const Package &package : set.packages) {
        if (package.boot_only || installed.contains(package.name)) {
            shipped.push_back(package);
        }
    }
    return shipped;
}

std::string spdx_document(const std::string &image_name, const std::string &commit, const Release &release,
                          const std::vector<Package> &shipped) {
    const std::chrono::sys_seconds created{std::chrono::seconds(release.epoch)};
    ordered_json document = {
        {"spdxVersion", "SPDX-2.3"},
        {"dataLicense", "CC0-1.0"},
        {"SPDXID", "SPDXRef-DOCUMENT"},
        {"name", std::format("{}-{}", image_name, release.version)},
        {"documentNamespace", std::format("urn:ballast:{}:{}", image_name, commit)},
        {"creationInfo",
         {{"created", std::format("{:%Y-%m-%dT%H:%M:%SZ}", created)}, {"creators", {"Tool: ballast-build"}}}},
        {"documentDescribes", {"SPDXRef-Image"}},
    };
    ordered_json packages = ordered_json::array();
    packages.push_back({{"SPDXID", "SPDXRef-Image"},
                        {"name", image_name},
                        {"versionInfo", release.version},
                        {"supplier", "Organization: Ballast"},
                        {"downloadLocation", "NOASSERTION"},
                        {"filesAnalyzed", false},
                        {"primaryPackagePurpose", "OPERATING-SYSTEM"},
                        {"comment", "OSTree commit " + commit}});
    packages.push_back({{"SPDXID", "SPDXRef-Programs"},
                        {"name", "ballast"},
                        {"versionInfo", release.build_id},
                        {"supplier", "Organization: Ballast"},
                        {"downloadLocation", "NOASSERTION"},
                        {"filesAnalyzed", false},
                        {"licenseDeclared", "Apache-2.0"}});
    ordered_json relationships = ordered_json::array();
    const auto contains = [&](const std::string &id) {
        relationships.push_back(
            {{"spdxElementId", "SPDXRef-Image"}, {"relationshipType", "CONTAINS"}, {"relatedSpdxElement", id}});
    };
    contains("SPDXRef-Programs");
    std::set<std::string> listed; // one may be installed and unpacked for its boot loader
    for (const Package &package : shipped) {
        if (!listed.insert(spdx_id(package)).second) {
            continue;
        }
        packages.push_back(package_entry(package));
        contains(spdx_id(package));
    }
    document["packages"] = std::move(packages);
    document["relationships"] = std::move(relationships);
    return document.dump(1) + "\n";
}

} // namespace ballast::image_build
