// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/user_namespace.h"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <ranges>
#include <sys/mount.h>
#include <thread>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/isolate/idmap.h"

namespace ballast::engine {
namespace {

namespace fs = std::filesystem;
using image::Owner;

constexpr std::uint64_t kLargestFile = 4UL << 20;
constexpr const char *kDefaultUser = "dockremap";
constexpr std::uint32_t kFirstId = 100'000; // as useradd(8) begins to give them away
constexpr std::uint32_t kIds = 65'536;
constexpr std::uint32_t kNobody = 65'534;

// A line of fields with colons between them; empty for a comment.
std::vector<std::string> fields_of(std::string_view line) {
    std::vector<std::string> fields;
    if (!line.empty() && !line.starts_with('#')) {
        for (const auto field : std::views::split(line, ':')) {
            fields.emplace_back(field.begin(), field.end());
        }
    }
    return fields;
}

Result<std::vector<std::vector<std::string>>> lines_of(const fs::path &file) {
    std::vector<std::vector<std::string>> lines;
    const Result<std::string> text = read_file(file, kLargestFile);
    if (!text && text.error().code != ENOENT) {
        return std::unexpected(text.error());
    }
    for (const auto line : std::views::split(text.value_or(""), '\n')) {
        if (std::vector<std::string> fields = fields_of(std::string_view(line.begin(), line.end())); !fields.empty()) {
            lines.push_back(std::move(fields));
        }
    }
    return lines;
}

bool read_number(const std::string &text, std::uint32_t &number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

struct Range {
    std::string owner; // a name or a number
    std::uint32_t first = 0, count = 0;
};

// subuid(5), subgid(5).
Result<std::vector<Range>> ranges_of(const fs::path &file) {
    std::vector<Range> ranges;
    for (const std::vector<std::string> &fields : TRY(lines_of(file))) {
        Range range;
        if (fields.size() != 3 || !read_number(fields[1], range.first) || !read_number(fields[2], range.count) ||
            range.count == 0 || range.first > UINT32_MAX - range.count) {
            return fail(EINVAL, file.string() + ": " + quote(fields[0]) + ": want NAME:FIRST:COUNT");
        }
        range.owner = fields[0];
        ranges.push_back(std::move(range));
    }
    return ranges;
}

// Who is meant, by name and number, as the ranges may name either.
struct Account {
    std::string name, number;
};

Result<Account> account(const std::string &wanted, const fs::path &file) {
    for (const std::vector<std::string> &fields : TRY(lines_of(file))) {
        if (fields.size() >= 3 && (fields[0] == wanted || fields[2] == wanted)) {
            return Account{.name = fields[0], .number = fields[2]};
        }
    }
    return fail(EINVAL, "userns-remap: " + file.string() + " has nobody called " + quote(wanted));
}

std::vector<oci::IdMapping> mappings_of(const std::vector<Range> &ranges, const Account &account) {
    std::vector<oci::IdMapping> mappings;
    std::uint32_t inside = 0;
    for (const Range &range : ranges) {
        if (range.owner == account.name || range.owner == account.number) {
            mappings.push_back({.container_id = inside, .host_id = range.first, .size = range.count});
            inside += range.count;
        }
    }
    return mappings;
}

Result<std::vector<oci::IdMapping>> given_mappings(const std::string &wanted, const fs::path &accounts,
                                                   const fs::path &file) {
    const Account found = TRY(account(wanted, accounts));
    std::vector<oci::IdMapping> mappings = mappings_of(TRY(ranges_of(file)), found);
    if (mappings.empty()) {
        return fail(EINVAL, "userns-remap: " + file.string() + " has no range of ids for " + quote(found.name) +
                                "; want a line " + found.name + ":100000:65536");
    }
    return mappings;
}

std::vector<oci::IdMapping> free_range(const std::vector<Range> &uids, const std::vector<Range> &gids) {
    std::uint32_t first = kFirstId;
    for (const auto *ranges : {&uids, &gids}) {
        for (const Range &range : *ranges) {
            first = std::max(first, range.first + range.count);
        }
    }
    first = std::min(first, UINT32_MAX - kIds);
    return {{.container_id = 0, .host_id = first, .size = kIds}};
}

Result<IdMappings> default_ids(const fs::path &etc) {
    const std::vector<Range> uids = TRY(ranges_of(etc / "subuid")), gids = TRY(ranges_of(etc / "subgid"));
    const Account dockremap{.name = kDefaultUser, .number = kDefaultUser};
    IdMappings ids{.uids = mappings_of(uids, dockremap), .gids = mappings_of(gids, dockremap)};
    if (ids.uids.empty() || ids.gids.empty()) {
        ids.uids = ids.gids = free_range(uids, gids);
    }
    return ids;
}

std::uint32_t inside_of(const std::vector<oci::IdMapping> &mappings, std::uint32_t on_host) {
    for (const oci::IdMapping &mapping : mappings) {
        if (on_host >= mapping.host_id && on_host - mapping.host_id < mapping.size) {
            return mapping.container_id + (on_host - mapping.host_id);
        }
    }
    return kNobody;
}

Result<Owner> on_host(const IdMappings &ids, Owner inside) {
    Owner owner;
    if (!isolate::map_to_host(ids.uids, inside.first, owner.first) ||
        !isolate::map_to_host(ids.gids, inside.second, owner.second)) {
        return fail(EOVERFLOW, "the owner " + std::to_string(inside.first) + ":" + std::to_string(inside.second) +
                                   " is nobody in the container's user namespace");
    }
    return owner;
}

} // namespace

Result<IdMappings> remapped_ids(const std::string &setting, const fs::path &etc) {
    if (setting.empty()) {
        return IdMappings();
    }
    if (setting == "default") {
        return default_ids(etc);
    }
    const std::size_t colon = setting.find(':');
    const std::string user = setting.substr(0, colon);
    const Account found = TRY(account(user, etc / "passwd"));
    const std::string group = colon == std::string::npos ? found.name : setting.substr(colon + 1);
    return IdMappings{.uids = TRY(given_mappings(user, etc / "passwd", etc / "subuid")),
                      .gids = TRY(given_mappings(group, etc / "group", etc / "subgid"))};
}

Status check_user_namespace(const HostConfig &host) {
    if (host.privileged) {
        return fail(EINVAL, "privileged mode is incompatible with user namespaces. You must run the container in the "
                            "host namespace when running privileged mode");
    }
    if (host.network_mode == "host") {
        return fail(EINVAL, "cannot share the host's network namespace when user namespaces are enabled");
    }
    if (host.pid_mode == "host") {
        return fail(EINVAL, "cannot share the host PID namespace when user namespaces are enabled");
    }
    return {};
}

Status make_user_namespace(const IdMappings &ids, const fs::path &file) {
    const Fd made = TRY(isolate::mapped_user_namespace(ids.uids, ids.gids));
    (void)TRY(open_file(file, O_RDONLY | O_CREAT, 0));
    const std::string source = "/proc/self/fd/" + std::to_string(made.get());
    return mount(source.c_str(), file.c_str(), nullptr, MS_BIND, nullptr) == 0 ? Status()
                                                                               : fail_errno("mount " + file.string());
}

Result<std::shared_ptr<const image::Users>> open_users(const IdMappings &ids, const fs::path &file) {
    auto users = std::make_shared<image::Users>();
    users->user_namespace = TRY(open_file(file, O_RDONLY));
    users->root = TRY(on_host(ids, {0, 0}));
    return users;
}

image::OwnerMap owners_on_host(const IdMappings &ids) {
    if (!ids.given()) {
        return {};
    }
    return [ids](Owner inside) { return on_host(ids, inside); };
}

image::OwnerMap owners_inside(const IdMappings &ids) {
    if (!ids.given()) {
        return {};
    }
    return [ids](Owner there) { return Owner{inside_of(ids.uids, there.first), inside_of(ids.gids, there.second)}; };
}

Status as_mapped_root(const IdMappings &ids, const std::function<Status()> &work) {
    if (!ids.given()) {
        return work();
    }
    const Owner root = TRY(on_host(ids, {0, 0}));
    Status outcome;
    std::thread([&] { // which alone changes
        outcome = image::make_files_as(root);
        if (outcome) {
            outcome = work();
        }
    })
        .join();
    return outcome;
}

} // namespace ballast::engine
