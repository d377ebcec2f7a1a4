// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/user_lookup.h"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/engine/pod_user.h"

namespace ballast::engine {
namespace {

constexpr std::uint64_t kLargestFile = 1UL << 20;
constexpr std::size_t kLongestLine = 4096;
constexpr std::uint32_t kHighest = 2147483647;

using Fields = std::vector<std::string_view>;

Fields split(std::string_view text, char at) {
    Fields fields;
    while (true) {
        const std::size_t end = text.find(at);
        fields.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return fields;
        }
        text.remove_prefix(end + 1);
    }
}

std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    return whole && number <= kHighest ? std::optional(number) : std::nullopt;
}

bool looks_like_number(std::string_view text) {
    const std::size_t sign = text.starts_with('-') ? 1 : 0;
    return text.size() > sign && std::ranges::all_of(text.substr(sign), [](char c) { return c >= '0' && c <= '9'; });
}

// Nothing when the image has none; a pipe or device in its place is not waited for.
Result<std::string> database(const RootDir &root, const char *path) {
    const Result<Fd> file = root.open_path(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file && (file.error().code == ENOENT || file.error().code == ENOTDIR)) {
        return std::string();
    }
    if (!file) {
        return std::unexpected(file.error());
    }
    struct stat status{};
    if (fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(EINVAL, std::string(path) + " of the container is not a regular file");
    }
    return read_all(*file, std::string(path) + " of the container", kLargestFile);
}

void for_each_line(std::string_view text, std::size_t fields, const std::function<void(const Fields &)> &take) {
    for (const std::string_view line : split(text, '\n')) {
        const Fields parts = line.size() <= kLongestLine ? split(line, ':') : Fields();
        if (parts.size() >= fields && !line.starts_with('#')) {
            take(parts);
        }
    }
}

struct Passwd {
    std::string name, home;
    std::uint32_t uid = 0, gid = 0;
};

// passwd(5): name:password:uid:gid:gecos:home:shell. The first line that fits.
std::optional<Passwd> find_user(std::string_view passwd, std::string_view user) {
    std::optional<Passwd> by_name, by_number;
    const std::optional<std::uint32_t> number = number_of(user);
    for_each_line(passwd, 4, [&](const Fields &fields) {
        const std::optional<std::uint32_t> uid = number_of(fields[2]), gid = number_of(fields[3]);
        if (!uid || !gid) {
            return;
        }
        const Passwd entry{.name = std::string(fields[0]),
                           .home = fields.size() > 5 ? std::string(fields[5]) : "",
                           .uid = *uid,
                           .gid = *gid};
        if (!by_name && fields[0] == user) {
            by_name = entry;
        }
        if (!by_number && number && *uid == *number) {
            by_number = entry;
        }
    });
    return by_name ? by_name : by_number;
}

// group(5): name:password:gid:member,member
Result<std::uint32_t> find_group(std::string_view groups, std::string_view wanted) {
    std::optional<std::uint32_t> found;
    for_each_line(groups, 3, [&](const Fields &fields) {
        if (!found && fields[0] == wanted) {
            found = number_of(fields[2]);
        }
    });
    if (found) {
        return *found;
    }
    if (const std::optional<std::uint32_t> number = number_of(wanted)) {
        return *number;
    }
    if (looks_like_number(wanted)) {
        return fail(EINVAL, "uids and gids must be in range 0-2147483647");
    }
    return fail(EINVAL, "Unable to find group " + escaped(wanted) + ": no matching entries in group file");
}

std::vector<gid_t> groups_of(std::string_view groups, const std::string &name) {
    std::vector<gid_t> found;
    for_each_line(groups, 4, [&](const Fields &fields) {
        const std::optional<std::uint32_t> gid = number_of(fields[2]);
        if (gid && std::ranges::contains(split(fields[3], ','), name)) {
            found.push_back(*gid);
        }
    });
    return found;
}

void add_group(std::vector<gid_t> &groups, gid_t group) {
    if (!std::ranges::contains(groups, group)) {
        groups.push_back(group);
    }
}

} // namespace

Result<ProcessUser> look_up_user(const RootDir &root, const std::string &user, const Texts &more_groups) {
    return look_up_user(root, user, more_groups, Memberships::kUnlessGroupGiven);
}

Memberships memberships_of(const Pod &pod) {
    return !pod.is_container() ? Memberships::kUnlessGroupGiven
           : pod.strict_groups ? Memberships::kNoneCount
                               : Memberships::kAllCount;
}

Result<ProcessUser> look_up_user(const RootDir &root, const std::string &user, const Texts &more_groups,
                                 Memberships memberships) {
    const std::string passwd = TRY(database(root, "/etc/passwd"));
    const std::string group_file = TRY(database(root, "/etc/group"));
    const std::size_t colon = user.find(':');
    const std::string user_part = user.substr(0, colon);
    const std::string group_part = colon == std::string::npos ? "" : user.substr(colon + 1);

    ProcessUser result;
    const std::string wanted = user_part.empty() ? "0" : user_part;
    const std::optional<Passwd> entry = find_user(passwd, wanted);
    const std::optional<std::uint32_t> number = number_of(wanted);
    if (!entry && !number) {
        return looks_like_number(wanted)
                   ? fail(EINVAL, "uids and gids must be in range 0-2147483647")
                   : fail(EINVAL, "unable to find user " + escaped(wanted) + ": no matching entries in passwd file");
    }
    result.uid = entry ? entry->uid : *number;
    result.gid = entry ? entry->gid : 0;
    if (entry && !entry->home.empty() && entry->home.starts_with('/')) {
        result.home = entry->home;
    }
    if (!group_part.empty()) {
        result.gid = TRY(find_group(group_file, group_part));
    }
    add_group(result.groups, result.gid);
    const bool counts =
        memberships == Memberships::kAllCount || (memberships == Memberships::kUnlessGroupGiven && group_part.empty());
    for (const gid_t group : entry &&counts ? groups_of(group_file, entry->name) : std::vector<gid_t>()) {
        add_group(result.groups, group);
    }
    for (const std::string &group : more_groups) {
        add_group(result.groups, TRY(find_group(group_file, group)));
    }
    return result;
}

} // namespace ballast::engine
