// SPDX-License-Identifier: Apache-2.0
#include "image-build/release/changes.h"

#include <algorithm>
#include <chrono>
#include <format>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "image-build/release/debian_changelog.h"

namespace ballast::image_build::release {
namespace {

using Json = nlohmann::ordered_json;

// "linux-image-6.12.48+deb13-cloud-amd64" is "linux-image-cloud-amd64 (by version)": the same in every version.
std::string lasting_name(const std::string &name) {
    static const std::regex numbered("(linux-[a-z-]+)-[0-9]+\\.[0-9]+[^-]*(-.*)?");
    std::smatch match;
    return std::regex_match(name, match, numbered) ? match[1].str() + "-*" + match[2].str() : name;
}

using ByName = std::map<std::string, const Package *>;

ByName by_lasting_name(const PackageSet &set) {
    ByName packages;
    for (const Package &package : set.packages) {
        packages.insert_or_assign(lasting_name(package.name), &package);
    }
    return packages;
}

std::set<std::string> all_vulnerabilities(const std::vector<PackageChange> &changes) {
    std::set<std::string> all;
    for (const PackageChange &change : changes) {
        all.insert(change.vulnerabilities.begin(), change.vulnerabilities.end());
    }
    return all;
}

std::string joined(const std::set<std::string> &words) {
    std::string text;
    for (const std::string &word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

std::string change_line(const PackageChange &change) {
    std::string line = std::format("- {} {} -> {}", change.name, change.from, change.to);
    if (!change.vulnerabilities.empty()) {
        line += ": " + joined(change.vulnerabilities);
    }
    return change.trouble.empty() ? line : line + " (" + change.trouble + ")";
}

// One section; nothing when it would be empty.
template <typename Wanted, typename Line>
std::string section(const std::string &title, const std::vector<PackageChange> &changes, Wanted wanted, Line line) {
    std::string text;
    for (const PackageChange &change : changes) {
        if (wanted(change)) {
            text += line(change) + "\n";
        }
    }
    return text.empty() ? text : "\n## " + title + "\n\n" + text;
}

} // namespace

std::vector<PackageChange> compare_packages(const PackageSet &before, const PackageSet &now) {
    const ByName old_ones = by_lasting_name(before), new_ones = by_lasting_name(now);
    std::vector<PackageChange> changes;
    for (const auto &[name, package] : new_ones) {
        const auto old = old_ones.find(name);
        if (old == old_ones.end()) {
            changes.push_back({.name = package->name, .from = {}, .to = package->version});
        } else if (old->second->version != package->version || old->second->name != package->name) {
            changes.push_back({.name = package->name, .from = old->second->version, .to = package->version});
        }
    }
    for (const auto &[name, package] : old_ones) {
        if (!new_ones.contains(name)) {
            changes.push_back({.name = package->name, .from = package->version, .to = {}});
        }
    }
    std::ranges::sort(changes, {}, &PackageChange::name);
    return changes;
}

void find_vulnerabilities(std::vector<PackageChange> &changes, const PackageSet &now, const ChangelogSource &source) {
    for (PackageChange &change : changes) {
        const auto package = std::ranges::find(now.packages, change.name, &Package::name);
        if (change.from.empty() || change.to.empty() || package == now.packages.end()) {
            continue;
        }
        const Result<std::string> text = source(*package);
        const Result<std::set<std::string>> found = text.has_value()
                                                        ? vulnerabilities_since(parse_changelog(*text), change.from)
                                                        : std::unexpected(text.error());
        if (found.has_value()) {
            change.vulnerabilities = *found;
        } else {
            change.trouble = "no changelog: " + found.error().message;
        }
    }
}

std::string notes_text(const ReleaseNotes &notes) {
    const std::chrono::sys_seconds made{std::chrono::seconds(notes.made)};
    std::string text =
        std::format("# {} {}\n\nCommit {}, published {:%Y-%m-%d %H:%M} UTC{}.\n", notes.ref, notes.version,
                    notes.commit, made, notes.since.empty() ? "" : ", after " + notes.since);
    if (notes.since.empty()) {
        return text + "\nThe first version of this channel.\n";
    }
    if (const std::set<std::string> mended = all_vulnerabilities(notes.changes); !mended.empty()) {
        text += "\n## Vulnerabilities mended\n\n" + joined(mended) + "\n";
    }
    text += section(
        "Packages that changed", notes.changes,
        [](const PackageChange &change) { return !change.from.empty() && !change.to.empty(); }, change_line);
    text += section(
        "New packages", notes.changes, [](const PackageChange &change) { return change.from.empty(); },
        [](const PackageChange &change) { return "- " + change.name + " " + change.to; });
    text += section(
        "Packages that are gone", notes.changes, [](const PackageChange &change) { return change.to.empty(); },
        [](const PackageChange &change) { return "- " + change.name + " " + change.from; });
    return notes.changes.empty() ? text + "\nThe packages are the same.\n" : text;
}

std::string notes_json(const ReleaseNotes &notes) {
    Json packages = Json::array();
    for (const PackageChange &change : notes.changes) {
        Json entry{{"name", change.name},
                   {"from", change.from.empty() ? Json(nullptr) : Json(change.from)},
                   {"to", change.to.empty() ? Json(nullptr) : Json(change.to)},
                   {"vulnerabilities", change.vulnerabilities}};
        if (!change.trouble.empty()) {
            entry["trouble"] = change.trouble;
        }
        packages.push_back(std::move(entry));
    }
    const Json json{{"ref", notes.ref},
                    {"version", notes.version},
                    {"commit", notes.commit},
                    {"since", notes.since.empty() ? Json(nullptr) : Json(notes.since)},
                    {"published", notes.made},
                    {"vulnerabilities", all_vulnerabilities(notes.changes)},
                    {"packages", std::move(packages)}};
    return json.dump(1) + "\n";
}

} // namespace ballast::image_build::release
