// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/log_links.h"

#include <algorithm>

#include "base/file_io.h"
#include "base/root_dir.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".log";

bool leads_nowhere(const fs::path &path) {
    std::error_code error;
    return fs::is_symlink(fs::symlink_status(path, error)) &&
           fs::status(path, error).type() == fs::file_type::not_found;
}

} // namespace

std::string log_link_name(const std::string &pod, const std::string &name_space, const std::string &container,
                          const std::string &id) {
    constexpr std::size_t kLongest = 255;
    const std::string name = pod + "_" + name_space + "_" + container + "-" + id;
    return name.substr(0, kLongest - kEnding.size()) + std::string(kEnding);
}

Status link_log(const fs::path &directory, const LogLink &link) {
    std::error_code error;
    if (!fs::exists(link.log, error) || fs::read_symlink(directory / link.name, error) == link.log) {
        return {};
    }
    TRY(make_directories(directory));
    return TRY(RootDir::open(directory)).make_symlink(link.log.string(), link.name);
}

Status unlink_log(const fs::path &directory, const std::string &name) {
    std::error_code error;
    fs::remove(directory / name, error);
    return error ? fail(error.value(), "remove " + (directory / name).string() + ": " + error.message()) : Status();
}

Status keep_log_links(const fs::path &directory, const std::vector<LogLink> &links) {
    Status first;
    const auto note = [&](const Status &done) { first = first.has_value() ? done : first; };
    for (const LogLink &link : links) {
        note(link_log(directory, link));
    }
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename().string();
        const bool written =
            std::ranges::any_of(links, [&](const LogLink &link) { return link.written && link.name == name; });
        if (!name.ends_with(kEnding) || written || !leads_nowhere(entry.path())) {
            continue;
        }
        note(unlink_log(directory, name));
    }
    return first;
}

} // namespace ballast::agent
