// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/engine/engine.h"
#include "runtime/image/image_store.h"
#include "tests/unit/check.h"

// An engine over a store with one image, "inside": a static program (programs/inside.cc) at /inside, files below /data.
// Real ballast-oci and ballast-monitor, no cgroups; a network namespace of its own as the host's; all on a tmpfs of a
// mount namespace of its own.
namespace ballast::engine_tests {

namespace fs = std::filesystem;

class EngineFixture {
  public:
    // `keeps`: what the engine asks systemd to keep it gets back when it is opened again, also what an engine asked for
    // that was forked off and killed.
    // `loopback`: the cgroup whose programs reach ports at loopback addresses; empty: none.
    explicit EngineFixture(bool keeps = false, fs::path loopback = {});
    ~EngineFixture();

    void open();
    void close(); // as when the daemon is stopped: containers keep running

    engine::CreateRequest request(const std::vector<std::string> &words, const std::string &name = "") const;
    // Created and started; with "wait" it also listens for SIGTERM.
    std::string start(const std::vector<std::string> &words, const std::string &name = "");
    // Started and waited for: its exit code.
    int run(const std::vector<std::string> &words, const std::string &name = "");
    int exec(const std::string &container, const std::vector<std::string> &words, std::string *output = nullptr);
    std::string output(const std::string &container, bool errors = false);
    std::string archive(const std::vector<std::pair<std::string, std::string>> &files) const; // a tar
    Status copy_in(const std::string &container, const std::string &path, const std::string &archive);
    // The content of the one file in an archive that comes out.
    Result<std::string> copy_out(const std::string &container, const std::string &path);

    // Leaves that many bytes of the disk that the engine is on.
    void leave_room(std::uint64_t bytes);
    // Imported under this name, with one layer of that many bytes.
    Result<image::Digest> import(const std::string &name, std::size_t bytes);

    // Nothing is left: no mount, no directory of a container, no process.
    std::vector<std::string> leftovers() const;

    std::size_t kept();        // once nobody starts or ends
    fs::path runtime, monitor; // from the next open() on
    fs::path root() const { return directory_.path(); }
    engine::Engine &engine() { return *engine_; }
    // Of both, since they were opened last.
    std::vector<std::string> warnings() const;

  private:
    void until_it_listens(const std::string &container);
    engine::Settings settings() const;
    void keep(engine::Settings &settings) const;
    void take_kept();
    fs::path loopback_;
    Fd tell_, told_; // what is to be kept and what not, on its way
    std::map<std::string, Fd> kept_;
    TemporaryDirectory directory_ = scratch();
    std::vector<std::string> store_warnings_;
    std::unique_ptr<image::ImageStore> store_;
    std::unique_ptr<engine::Engine> engine_;
};

// What the program's "say COUNT" writes.
std::string lines(int count, const std::string &end = "\n");

// The monitors that are children of this process, or became so when their engine was killed.
std::vector<pid_t> own_monitors();

} // namespace ballast::engine_tests
