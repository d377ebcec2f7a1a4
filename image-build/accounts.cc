// SPDX-License-Identifier: Apache-2.0
#include "image-build/accounts.h"

#include <format>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/file_io.h"

namespace ballast::image_build {
namespace {

std::vector<std::string> split(const std::string &text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

// "u name id" and "g name id" of the sysusers.d file; a user's "uid:gid" counts for the user alone.
Result<std::set<std::string>> declared(const std::filesystem::path &sysusers) {
    std::set<std::string> accounts;
    for (const std::string &line : split(TRY(read_file(sysusers)), '\n')) {
        std::istringstream words(line);
        std::string type, name, id;
        words >> type >> name >> id;
        if (type.starts_with('u') || type.starts_with('g')) {
            const bool own_group = id.find(':') == std::string::npos;
            accounts.insert(std::format("{} {} {}", type[0], name, id.substr(0, id.find(':'))));
            if (type.starts_with('u') && own_group) {
                accounts.insert(std::format("g {} {}", name, id)); // the user's own group has its number
            }
        }
    }
    return accounts;
}

} // namespace

Status check_accounts(const std::filesystem::path &tree, const std::filesystem::path &sysusers) {
    const std::set<std::string> known = TRY(declared(sysusers));
    std::string missing;
    for (const auto &[file, type] : {std::pair("etc/passwd", "u"), std::pair("etc/group", "g")}) {
        for (const std::string &line : split(TRY(read_file(tree / file)), '\n')) {
            const std::vector<std::string> fields = split(line, ':');
            if (fields.size() < 3 || fields[2].size() != 3 || fields[2] == "100") {
                continue; // outside 100..999; group 100 is base-passwd's "users"
            }
            const std::string entry = std::format("{} {} {}", type, fields[0], fields[2]);
            if (!known.contains(entry)) {
                missing += "\n  " + entry;
            }
        }
    }
    if (!missing.empty()) {
        return fail(EINVAL, "accounts without a fixed number; declare each in " + sysusers.string() + ":" + missing);
    }
    return {};
}

} // namespace ballast::image_build
