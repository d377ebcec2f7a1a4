// SPDX-License-Identifier: Apache-2.0
#include "runtime/volume/volume_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "base/rollback.h"

namespace ballast::volume {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::uint64_t kLargestRecord = 1UL << 20;

bool is_name(std::string_view name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return name.size() >= 2 && name.size() <= kLongestName && plain(name.front()) &&
           std::ranges::all_of(name, [plain](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

std::string record_text(const Volume &volume) {
    const nlohmann::ordered_json json = {{"name", volume.name},
                                         {"created", volume.created_ns},
                                         {"labels", volume.labels},
                                         {"options", volume.options},
                                         {"anonymous", volume.anonymous}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void read_map(const JsonCursor &from, std::map<std::string, std::string> &to) {
    for (const JsonCursor member : from.members()) {
        to.emplace(member.name(), member.text());
    }
}

Result<Volume> parse_record(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    Volume volume;
    volume.name = root.need("name").text();
    volume.created_ns = root.need("created").number<std::int64_t>();
    read_map(root.at("labels"), volume.labels);
    read_map(root.at("options"), volume.options);
    volume.anonymous = root.at("anonymous").boolean();
    TRY(document.status());
    return volume;
}

struct Flag {
    std::string_view name;
    unsigned long set, clear;
};
constexpr std::array kFlags = std::to_array<Flag>({
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"noatime", MS_NOATIME, 0},
    {"relatime", MS_RELATIME, 0},
    {"strictatime", MS_STRICTATIME, 0},
    {"sync", MS_SYNCHRONOUS, 0},
    {"bind", MS_BIND, 0},
    {"rbind", MS_BIND | MS_REC, 0},
    {"defaults", 0, 0},
});

bool has_control(std::string_view text) {
    return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

void read_mount_options(const std::string &text, MountRequest &request) {
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = std::min(text.find(',', start), text.size());
        const std::string option = text.substr(start, end - start);
        start = end + 1;
        const auto *flag = std::ranges::find(kFlags, option, &Flag::name);
        if (flag != kFlags.end()) {
            request.flags = (request.flags | flag->set) & ~flag->clear;
        } else if (!option.empty()) {
            request.data += (request.data.empty() ? "" : ",") + option;
        }
    }
}

} // namespace

Result<MountRequest> plan_mount(const Options &options) {
    MountRequest request;
    for (const auto &[name, value] : options) {
        if (name != "type" && name != "o" && name != "device") {
            return fail(EINVAL, "invalid option: " + quote(name));
        }
        if (has_control(value)) {
            return fail(EINVAL, "invalid value of option " + quote(name) + ": " + quote(value));
        }
    }
    const auto value = [&options](const char *name) {
        const auto found = options.find(name);
        return found == options.end() ? std::string() : found->second;
    };
    request.type = value("type");
    request.device = value("device");
    read_mount_options(value("o"), request);
    if (options.empty()) {
        return request;
    }
    if (request.type.empty() && (request.flags & MS_BIND) == 0) {
        return fail(EINVAL, "missing required option: \"type\"");
    }
    if (request.device.empty()) {
        return fail(EINVAL, "missing required option: \"device\"");
    }
    const bool bind = (request.flags & MS_BIND) != 0;
    if (bind && !request.device.starts_with('/')) {
        return fail(EINVAL, "option \"device\": want an absolute path, have " + quote(request.device));
    }
    constexpr std::array kTypes = std::to_array<std::string_view>({"tmpfs", "nfs", "nfs4", "ext4", "xfs", "btrfs"});
    if (!bind && !std::ranges::contains(kTypes, request.type)) {
        return fail(ENOTSUP, "volumes of type " + quote(request.type) +
                                 " are not supported: use tmpfs, nfs, nfs4, ext4, xfs, btrfs, or the option bind");
    }
    if (request.type.starts_with("nfs") && !request.data.contains("addr=")) {
        return fail(EINVAL, "volumes of type nfs need the server's address in the option o: addr=192.0.2.1");
    }
    return request;
}

Result<std::unique_ptr<VolumeStore>> VolumeStore::open(const fs::path &root, std::vector<std::string> &warnings) {
    TRY(make_directories(root, 0700));
    std::unique_ptr<VolumeStore> store(new VolumeStore(root));
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(root, error)) {
        const std::string name = entry.path().filename();
        if (is_name(name) && entry.is_directory(error)) {
            TRY(store->load(name, warnings));
        }
    }
    return store;
}

Status VolumeStore::load(const std::string &name, std::vector<std::string> &warnings) {
    const fs::path file = root_ / name / "volume.json";
    // Whatever a daemon that was killed had mounted: its containers have mounts of their own.
    (void)umount2(data(name).c_str(), MNT_DETACH); // EINVAL: nothing is
    const Result<std::string> text = read_file(file, kLargestRecord);
    if (!text && text.error().code == ENOENT) {
        std::error_code error;
        if (fs::exists(data(name), error) && !fs::is_empty(data(name), error)) {
            volumes_[name] = {.name = name, .created_ns = 0, .labels = {}, .options = {}, .anonymous = false};
            return {}; // its record was set aside
        }
        return remove_tree(root_ / name); // the daemon was killed while it made or removed it
    }
    Result<Volume> volume = text ? parse_record(*text, file) : Result<Volume>(std::unexpected(text.error()));
    if (volume && volume->name != name) {
        volume = fail(EINVAL, file.string() + ": is the record of " + quote(volume->name));
    }
    if (!volume) {
        warnings.push_back(volume.error().message + "; set aside as volume.json.broken");
        if (rename(file.c_str(), (file.string() + ".broken").c_str()) != 0) {
            return fail_errno("set aside " + file.string());
        }
        volumes_[name] = {.name = name, .created_ns = 0, .labels = {}, .options = {}, .anonymous = false};
        return {};
    }
    volumes_[name] = std::move(*volume);
    return {};
}

Result<Volume> VolumeStore::create(Volume wanted) {
    if (!is_name(wanted.name)) {
        const std::string shown = escaped(wanted.name.substr(0, kLongestName));
        return fail(EINVAL, "create " + shown + ": \"" + shown +
                                "\" includes invalid characters for a local volume name, only "
                                "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
                                "use absolute path");
    }
    TRY(plan_mount(wanted.options).within("create " + wanted.name));
    const std::scoped_lock lock(mutex_);
    if (const auto found = volumes_.find(wanted.name); found != volumes_.end()) {
        if (!wanted.options.empty() && wanted.options != found->second.options) {
            return fail(EEXIST,
                        "create " + wanted.name + ": volume " + wanted.name + " exists already with other options");
        }
        return found->second;
    }
    wanted.created_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    Rollback undo;
    undo.add([&] { (void)remove_tree(root_ / wanted.name); }); // the next start does it otherwise
    TRY(make_directories(root_ / wanted.name, 0700));
    TRY(make_directories(data(wanted.name), 0755));
    TRY(replace_file(root_ / wanted.name / "volume.json", record_text(wanted), 0600));
    TRY(sync_directory(root_));
    undo.commit();
    return volumes_[wanted.name] = std::move(wanted);
}

Result<Volume> VolumeStore::find(const std::string &name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = volumes_.find(name);
    if (found == volumes_.end()) {
        return fail(ENOENT, "get " + escaped(name.substr(0, kLongestName)) + ": no such volume");
    }
    return found->second;
}

std::vector<Volume> VolumeStore::list() const {
    const std::scoped_lock lock(mutex_);
    std::vector<Volume> result;
    result.reserve(volumes_.size());
    for (const auto &[name, volume] : volumes_) {
        result.push_back(volume);
    }
    return result;
}

Status VolumeStore::remove(const std::string &name) {
    const std::scoped_lock lock(mutex_);
    if (!volumes_.contains(name)) {
        return fail(ENOENT, "get " + escaped(name.substr(0, kLongestName)) + ": no such volume");
    }
    (void)umount2(data(name).c_str(), MNT_DETACH); // EINVAL: nothing is mounted
    // Content first: a power cut in between leaves a volume that is there and can be removed again.
    TRY(remove_tree(data(name)));
    TRY(remove_tree(root_ / name));
    volumes_.erase(name);
    return {};
}

Result<fs::path> VolumeStore::use(const std::string &name) {
    const std::scoped_lock lock(mutex_);
    const auto found = volumes_.find(name);
    if (found == volumes_.end()) {
        return fail(ENOENT, "get " + escaped(name.substr(0, kLongestName)) + ": no such volume");
    }
    const MountRequest request = TRY(plan_mount(found->second.options));
    if (found->second.options.empty()) {
        return data(name);
    }
    if (uses_[name]++ == 0) {
        const char *type = (request.flags & MS_BIND) != 0 ? nullptr : request.type.c_str();
        if (mount(request.device.c_str(), data(name).c_str(), type, request.flags, request.data.c_str()) != 0) {
            const int code = errno;
            uses_.erase(name);
            return fail_errno("error while mounting volume '" + data(name).string() +
                                  "': failed to mount local volume: mount " + escaped(request.device),
                              code);
        }
    }
    return data(name);
}

void VolumeStore::release(const std::string &name) {
    const std::scoped_lock lock(mutex_);
    const auto found = uses_.find(name);
    if (found != uses_.end() && --found->second == 0) {
        uses_.erase(found);
        (void)umount2(data(name).c_str(), MNT_DETACH); // a volume that somebody still has goes away with them
    }
}

Result<std::uint64_t> VolumeStore::size(const std::string &name) const {
    TRY(find(name));
    std::uint64_t bytes = 0;
    std::set<std::pair<dev_t, ino_t>> seen;
    std::error_code error;
    // What vanishes meanwhile is not counted.
    for (fs::recursive_directory_iterator entry(data(name), fs::directory_options::skip_permission_denied, error), end;
         !error && entry != end; entry.increment(error)) {
        struct stat status{};
        if (lstat(entry->path().c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
            (status.st_nlink == 1 || seen.emplace(status.st_dev, status.st_ino).second)) {
            bytes += static_cast<std::uint64_t>(status.st_size);
        }
    }
    return bytes;
}

} // namespace ballast::volume
