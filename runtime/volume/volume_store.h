// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

// Volumes of the driver "local":
//
//   ROOT/NAME/volume.json   what it is, written before anything uses it
//   ROOT/NAME/_data/        its content, or where its own file system is mounted while somebody uses it
//
// Thread-safe. Who uses which volume is the engine's knowledge: nothing here asks.
namespace ballast::volume {

namespace fs = std::filesystem;
using Options = std::map<std::string, std::string>;

struct Volume {
    std::string name;
    std::int64_t created_ns = 0; // since 1970
    std::map<std::string, std::string> labels;
    Options options; // type, o, device: mount(8)'s -t, -o and source
    bool anonymous = false;
};

// What options ask for. EINVAL with Docker's words; ENOTSUP for what this driver does not mount.
struct MountRequest {
    std::string type, device, data; // data: of the file system, "size=64m,addr=10.0.0.1"
    unsigned long flags = 0;        // MS_*
};
Result<MountRequest> plan_mount(const Options &options);

class VolumeStore {
  public:
    // Volumes whose file does not read are set aside as volume.json.broken and keep their content; `warnings` says so.
    static Result<std::unique_ptr<VolumeStore>> open(const fs::path &root, std::vector<std::string> &warnings);

    // The one that is there when its options are equal or none are given; EEXIST when they differ. Names are checked.
    Result<Volume> create(Volume wanted);
    // ENOENT "get NAME: no such volume".
    Result<Volume> find(const std::string &name) const;
    std::vector<Volume> list() const; // by name
    Status remove(const std::string &name);

    fs::path data(const std::string &name) const { return root_ / name / "_data"; }
    // A use begins: mounts what the options ask for unless another use has. Ends with release(). Returns data().
    Result<fs::path> use(const std::string &name);
    void release(const std::string &name);
    // Bytes in files of it, hard links once.
    Result<std::uint64_t> size(const std::string &name) const;

  private:
    explicit VolumeStore(fs::path root) : root_(std::move(root)) {}
    Status load(const std::string &name, std::vector<std::string> &warnings);

    fs::path root_;
    mutable std::mutex mutex_;
    std::map<std::string, Volume> volumes_;
    std::map<std::string, int> uses_; // of those with a mount of their own
};

} // namespace ballast::volume
