// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/mount_points.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/quote.h"
#include "runtime/engine/names.h"

namespace ballast::engine {
namespace {

constexpr std::array kPropagations =
    std::to_array<std::string_view>({"private", "rprivate", "shared", "rshared", "slave", "rslave"});

Texts split(const std::string &text, char at) {
    Texts parts;
    std::size_t start = 0;
    while (true) {
        const std::size_t end = text.find(at, start);
        parts.push_back(text.substr(start, end - start));
        if (end == std::string::npos) {
            return parts;
        }
        start = end + 1;
    }
}

Result<std::string> checked_target(const std::string &target, const std::string &said) {
    if (!target.starts_with('/')) {
        return fail(EINVAL, "invalid volume specification: '" + escaped(said) +
                                "': invalid mount config for type: "
                                "invalid mount path: '" +
                                escaped(target) + "' mount path must be absolute");
    }
    std::string clean = clean_path(target);
    if (clean == "/") {
        return fail(EINVAL, "invalid volume specification: '" + escaped(said) + "': destination can't be '/'");
    }
    return clean;
}

// The options of "-v": each of a kind at most once.
Status apply_mode(const std::string &mode, MountPoint &mount, const std::string &said) {
    bool access = false, propagation = false;
    for (const std::string &option : split(mode, ',')) {
        if (option == "ro" || option == "rw" || option == "rro") {
            if (access) {
                return fail(EINVAL, "invalid mode: " + escaped(mode));
            }
            access = true;
            mount.writable = option == "rw";
        } else if (std::ranges::contains(kPropagations, option)) {
            if (propagation || mount.type != "bind") {
                return fail(EINVAL, "invalid mode: " + escaped(mode));
            }
            propagation = true;
            mount.propagation = option;
        } else if (option == "nocopy" && mount.type == "volume") {
            mount.copy_up = false;
        } else if (option != "z" && option != "Z") { // labels of a system that is not here
            return fail(EINVAL,
                        "invalid volume specification: '" + escaped(said) + "': invalid mode: " + escaped(mode));
        }
    }
    mount.mode = mode;
    return {};
}

Result<MountPoint> parse_bind(const std::string &said) {
    const Texts parts = split(said, ':');
    if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty()) {
        return fail(EINVAL, "invalid volume specification: '" + escaped(said) + "'");
    }
    MountPoint mount;
    mount.destination = TRY(checked_target(parts[1], said));
    if (parts[0].starts_with('/')) {
        mount.type = "bind";
        mount.source = clean_path(parts[0]);
        mount.propagation = "rprivate";
        mount.copy_up = false;
        mount.create_source = true;
    } else {
        mount.type = "volume";
        mount.driver = "local";
        mount.name = parts[0];
        mount.mode = "z"; // as Docker shows it
        TRY(check_name(mount.name, "volume"));
    }
    if (parts.size() == 3) {
        TRY(apply_mode(parts[2], mount, said));
    }
    return mount;
}

std::unexpected<Error> bad_mount(const MountSpec &spec, const std::string &problem) {
    return fail(EINVAL, "invalid mount config for type \"" + escaped(spec.type) + "\": " + problem);
}

Status apply_bind(const MountSpec &spec, MountPoint &mount) {
    if (spec.source.empty()) {
        return bad_mount(spec, "field Source must not be empty");
    }
    if (!spec.source.starts_with('/')) {
        return bad_mount(spec, "invalid mount path: '" + escaped(spec.source) + "' mount path must be absolute");
    }
    if (spec.volume || spec.tmpfs) {
        return bad_mount(spec, "field VolumeOptions or TmpfsOptions must not be specified");
    }
    const MountSpec::Bind options = spec.bind.value_or(MountSpec::Bind{});
    if (!options.propagation.empty() && !std::ranges::contains(kPropagations, options.propagation)) {
        return bad_mount(spec, "invalid propagation mode: " + escaped(options.propagation));
    }
    mount.source = clean_path(spec.source);
    mount.propagation = options.propagation.empty() ? "rprivate" : options.propagation;
    mount.copy_up = false;
    mount.create_source = options.create_mountpoint;
    mount.non_recursive = options.non_recursive;
    mount.map_owners = options.ids.given();
    mount.recursive_read_only = !options.read_only_non_recursive;
    return {};
}

Status apply_volume(const MountSpec &spec, MountPoint &mount) {
    if (spec.bind || spec.tmpfs) {
        return bad_mount(spec, "field BindOptions or TmpfsOptions must not be specified");
    }
    mount.name = spec.source;
    mount.driver = "local";
    mount.mode = "z"; // as Docker shows it
    if (!mount.name.empty()) {
        TRY(check_name(mount.name, "volume"));
    }
    if (spec.volume) {
        mount.copy_up = !spec.volume->no_copy;
        mount.subpath = spec.volume->subpath;
        if (!spec.volume->driver.empty() && spec.volume->driver != "local") {
            return fail(EINVAL, "error looking up volume plugin " + escaped(spec.volume->driver) + ": plugin \"" +
                                    escaped(spec.volume->driver) + "\" not found");
        }
    }
    return {};
}

Status apply_tmpfs(const MountSpec &spec, MountPoint &mount) {
    if (!spec.source.empty()) {
        return bad_mount(spec, "field Source must not be specified");
    }
    if (spec.bind || spec.volume) {
        return bad_mount(spec, "field BindOptions or VolumeOptions must not be specified");
    }
    mount.tmpfs = spec.tmpfs.value_or(MountSpec::Tmpfs{});
    mount.copy_up = false;
    if (mount.tmpfs.size_bytes < 0) {
        return bad_mount(spec, "invalid tmpfs size: must not be negative");
    }
    return {};
}

Status apply_image_mount(const MountSpec &spec, MountPoint &mount) {
    if (spec.source.empty()) {
        return bad_mount(spec, "field Source must not be empty");
    }
    if (spec.bind || spec.volume || spec.tmpfs) {
        return bad_mount(spec, "field BindOptions, VolumeOptions or TmpfsOptions must not be specified");
    }
    mount.name = spec.source;
    mount.subpath = spec.image.value_or(MountSpec::Image{}).subpath;
    mount.writable = false;
    mount.copy_up = false;
    return {};
}

Result<MountPoint> parse_mount(const MountSpec &spec) {
    MountPoint mount{.type = spec.type};
    if (spec.target.empty()) {
        return bad_mount(spec, "field Target must not be empty");
    }
    if (!spec.target.starts_with('/') || clean_path(spec.target) == "/") {
        return bad_mount(spec, "invalid mount path: '" + escaped(spec.target) + "' mount path must be absolute");
    }
    mount.destination = clean_path(spec.target);
    mount.writable = !spec.read_only;
    if (spec.type == "bind") {
        TRY(apply_bind(spec, mount));
    } else if (spec.type == "volume") {
        TRY(apply_volume(spec, mount));
    } else if (spec.type == "tmpfs") {
        TRY(apply_tmpfs(spec, mount));
    } else if (spec.type == "image") {
        TRY(apply_image_mount(spec, mount));
    } else {
        return fail(EINVAL, "mount type unknown: \"" + escaped(spec.type) + "\"");
    }
    return mount;
}

class MountPoints {
  public:
    void inherit(const MountPoint &mount) { put(mount); }

    // A mount of the user's own replaces an inherited one, but not another of their own.
    Status add(MountPoint mount) {
        if (!own_.insert(mount.destination).second) {
            return fail(EINVAL, "Duplicate mount point: " + escaped(mount.destination));
        }
        put(std::move(mount));
        return {};
    }
    bool has(const std::string &destination) const {
        return std::ranges::contains(mounts_, destination, &MountPoint::destination);
    }
    std::vector<MountPoint> take() {
        std::ranges::stable_sort(mounts_, {}, [](const MountPoint &mount) {
            return std::pair(std::ranges::count(mount.destination, '/'), mount.destination);
        });
        return std::move(mounts_);
    }

  private:
    void put(MountPoint mount) {
        std::erase_if(mounts_, [&](const MountPoint &other) { return other.destination == mount.destination; });
        mounts_.push_back(std::move(mount));
    }
    std::vector<MountPoint> mounts_;
    std::set<std::string> own_;
};

} // namespace

std::string clean_path(const std::string &path) {
    std::string clean = std::filesystem::path("/" + path).lexically_normal().string();
    while (clean.size() > 1 && clean.ends_with('/')) {
        clean.pop_back();
    }
    return clean.starts_with("//") ? clean.substr(1) : clean;
}

Result<VolumesFrom> parse_volumes_from(const std::string &text) {
    const std::size_t colon = text.find(':');
    VolumesFrom result{.container = text.substr(0, colon)};
    const std::string mode = colon == std::string::npos ? "rw" : text.substr(colon + 1);
    if (result.container.empty() || (mode != "ro" && mode != "rw" && mode != "z" && mode != "Z")) {
        return fail(EINVAL, "invalid volumes-from specification: " + quote(text));
    }
    result.read_only = mode == "ro";
    return result;
}

Result<std::vector<MountPoint>> plan_mount_points(const Config &config, const HostConfig &host,
                                                  const std::vector<MountPoint> &inherited) {
    MountPoints mounts;
    for (const MountPoint &mount : inherited) {
        mounts.inherit(mount);
    }
    for (const std::string &bind : host.binds) {
        TRY(mounts.add(TRY(parse_bind(bind))));
    }
    for (const MountSpec &spec : host.mounts) {
        TRY(mounts.add(TRY(parse_mount(spec))));
    }
    for (const auto &[target, options] : host.tmpfs) {
        MountPoint mount{.type = "tmpfs", .destination = TRY(checked_target(target, target)), .copy_up = false};
        mount.tmpfs_options = options;
        TRY(mounts.add(std::move(mount)));
    }
    for (const std::string &volume : config.volumes) {
        const std::string target = TRY(checked_target(volume, volume));
        if (!mounts.has(target)) {
            mounts.inherit({.type = "volume", .destination = target, .driver = "local", .anonymous = true});
        }
    }
    std::vector<MountPoint> result = mounts.take();
    for (MountPoint &mount : result) {
        mount.anonymous = mount.anonymous || (mount.type == "volume" && mount.name.empty());
    }
    return result;
}

} // namespace ballast::engine
