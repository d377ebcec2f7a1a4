// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/file_volume.h"

#include <algorithm>
#include <format>
#include <mutex>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char *kData = "..data";

// One volume's files in the making.
class Collector {
  public:
    Collector(const Pod &pod, const FileVolume &volume, const Surroundings &surroundings, const PodObjects &objects)
        : pod_(pod), volume_(volume), surroundings_(surroundings), objects_(objects) {}

    Result<FileContents> collect() {
        for (const FileSource &source : volume_.sources) {
            TRY(std::visit([this](const auto &each) { return add(each); }, source));
        }
        return std::move(files_);
    }

  private:
    void put(const std::string &path, std::string content, std::optional<int> mode) {
        files_.insert_or_assign(path, FileContent{std::move(content), mode.value_or(volume_.mode)});
    }

    Status add(const ObjectFiles &from) {
        if (!objects_.data) {
            return fail(ENOTSUP, from.kind + " volumes can be had from an API server only");
        }
        Result<TextMap> data = objects_.data(from.kind, pod_.name_space, from.name);
        if (!data.has_value()) {
            return data.error().code == ENOENT && from.optional ? Status() : Status(std::unexpected(data.error()));
        }
        if (from.items.empty()) {
            for (auto &[key, content] : *data) {
                put(key, std::move(content), {});
            }
            return {};
        }
        for (const KeyFile &item : from.items) {
            const auto found = data->find(item.key);
            if (found != data->end()) {
                put(item.path, found->second, item.mode);
            } else if (!from.optional) {
                return fail(ENOENT, "references non-existent " +
                                        std::string(from.kind == "secret" ? "secret" : "config") + " key: " + item.key);
            }
        }
        return {};
    }

    Status add(const DownwardFile &from) {
        const auto *field = std::get_if<FieldRef>(&from.value);
        std::string text = field != nullptr
                               ? TRY(field_text(pod_, field->path, surroundings_))
                               : TRY(resource_value(pod_, nullptr, std::get<ResourceRef>(from.value), surroundings_));
        put(from.path, std::move(text), from.mode);
        return {};
    }

    // Its own group's as well, when the pod has one.
    Status add(const TokenFile &from) {
        if (!objects_.token) {
            return fail(ENOTSUP, "tokens of service accounts can be had from an API server only");
        }
        constexpr int kGroup = 0640, kAll = 0644;
        put(from.path, TRY(objects_.token(pod_, from)), pod_.security.fs_group ? kGroup : kAll);
        return {};
    }

    const Pod &pod_;
    const FileVolume &volume_;
    const Surroundings &surroundings_;
    const PodObjects &objects_;
    FileContents files_;
};

bool is_inside(const std::string &path) {
    return !path.empty() && !path.starts_with('/') && !path.starts_with("..") &&
           !std::ranges::contains(fs::path(path), fs::path("..")) && !path.ends_with('/');
}

// What the directory shows now, as far as it is ours.
std::size_t files_below(const fs::path &directory) {
    std::error_code error;
    std::size_t count = 0;
    for (fs::recursive_directory_iterator entry(directory, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        count += entry->is_directory(error) ? 0 : 1;
    }
    return count;
}

bool is_current(const fs::path &data, const FileContents &files) {
    if (files_below(data / "") != files.size()) {
        return false;
    }
    return std::ranges::all_of(files, [&](const auto &file) {
        struct stat found{};
        const fs::path path = data / file.first;
        return ::stat(path.c_str(), &found) == 0 && static_cast<int>(found.st_mode & 07777) == file.second.mode &&
               read_file(path).value_or("") == file.second.content;
    });
}

Status write_one(const fs::path &path, const FileContent &file, std::optional<gid_t> group) {
    constexpr mode_t kDirectory = 0755;
    TRY(make_directories(path.parent_path(), kDirectory));
    TRY(write_file(path, file.content));
    if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
        return fail_errno("chown " + path.string());
    }
    return ::chmod(path.c_str(), static_cast<mode_t>(file.mode)) == 0 ? Status() : fail_errno("chmod " + path.string());
}

Status link_to(const fs::path &target, const fs::path &link) {
    const fs::path fresh = link.parent_path() / "..link";
    std::error_code error;
    fs::remove(fresh, error);
    fs::create_symlink(target, fresh, error);
    if (!error) {
        fs::rename(fresh, link, error);
    }
    return error ? fail(error.value(), "link " + link.string() + ": " + error.message()) : Status();
}

// Names that people see, and nothing else but what ".." hides.
Status show(const fs::path &directory, const std::set<std::string> &names, const std::string &current) {
    for (const std::string &name : names) {
        std::error_code missing;
        if (fs::read_symlink(directory / name, missing) != fs::path(kData) / name) {
            TRY(link_to(fs::path(kData) / name, directory / name));
        }
    }
    std::error_code error;
    std::vector<fs::path> old;
    for (const fs::directory_entry &entry : fs::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename();
        if (name != kData && name != current && !names.contains(name)) {
            old.push_back(entry.path());
        }
    }
    for (const fs::path &path : old) {
        TRY(remove_tree(path));
    }
    return error ? fail(error.value(), directory.string() + ": " + error.message()) : Status();
}

} // namespace

Result<FileContents> contents_of(const Pod &pod, const FileVolume &volume, const Surroundings &surroundings,
                                 const PodObjects &objects) {
    return Collector(pod, volume, surroundings, objects).collect();
}

Status write_contents(const fs::path &directory, const FileContents &files, std::optional<gid_t> group) {
    constexpr mode_t kDirectory = 0755;
    constexpr int kGroupReads = 0440;
    static std::mutex mutex; // a start and a refresh of one volume may meet
    const std::lock_guard lock(mutex);
    FileContents wanted = files;
    std::set<std::string> names;
    for (auto &[path, file] : wanted) {
        if (!is_inside(path)) {
            return fail(EINVAL, "file " + quote(path) + " is outside of its volume");
        }
        names.insert(fs::path(path).begin()->string());
        file.mode |= group ? kGroupReads : 0;
    }
    std::error_code missing;
    const std::string before = fs::read_symlink(directory / kData, missing).string();
    if (!before.empty() && is_current(directory / kData, wanted)) {
        return show(directory, names, before);
    }
    const std::string fresh = std::format("..{}", now_ns());
    TRY(make_directories(directory / fresh, kDirectory));
    for (const auto &[path, file] : wanted) {
        TRY(write_one(directory / fresh / path, file, group));
    }
    TRY(link_to(fresh, directory / kData));
    return show(directory, names, fresh);
}

} // namespace ballast::agent
