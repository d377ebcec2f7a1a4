// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "runtime/image/image_store.h"
#include "runtime/image/tar.h"
#include "tests/unit/check.h"

// A store of its own for each test, and layers made by hand.
namespace ballast::image {

struct Workshop {
    Workshop();
    void reopen(); // as a daemon that was killed does

    TemporaryDirectory directory;
    std::filesystem::path root;
    std::vector<ContainerUse> containers;
    std::vector<std::string> events; // "tag busybox:latest"
    std::vector<std::string> warnings;
    std::unique_ptr<ImageStore> store;

    // An image of these layers' archives, lowest first, brought in as from a registry. Its id.
    Digest add(const std::vector<std::string> &archives, const std::string &name, const RunConfig &config = {});
    Result<Digest> try_add(const std::vector<std::string> &archives, const std::string &name,
                           const RunConfig &config = {});
    // An image of an OCI layout, likewise.
    Digest add_layout(const std::filesystem::path &layout, const std::string &name);
    // Where the layers of an image are, highest first.
    std::vector<std::filesystem::path> layers(const Digest &id) { return must(store->lower_directories(id)); }
};

// An archive of entries; file content stands in `target`.
std::string tar_of(const std::vector<TarEntry> &entries);
// So that others can follow.
std::string without_end(std::string archive);
TarEntry file(const std::string &path, const std::string &content = "", mode_t mode = 0644);
TarEntry directory(const std::string &path, mode_t mode = 0755);
TarEntry soft_link(const std::string &path, const std::string &target);
TarEntry hard_link(const std::string &path, const std::string &target);

ByteSource source_of(std::string bytes);
// All of a tree: "path mode uid:gid type content-or-target", sorted.
std::vector<std::string> tree_of(const std::filesystem::path &root);
std::string run_tool(const std::vector<std::string> &arguments);
// Mounts an image's layers with a fresh upper directory and runs `body` there, in a mount namespace of its own. What
// `body` says is wrong, or "".
std::string with_mount(Workshop &workshop, const Digest &id, const std::filesystem::path &container,
                       const std::function<std::string(const std::filesystem::path &)> &body);

} // namespace ballast::image
