// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// One OCI runtime under measurement: its command lines, and each of them run and timed.
namespace ballast::bench {

// What is timed, in milliseconds, under the names that the report has: "run", "create", "start", "delete", "exec".
using Samples = std::map<std::string, std::vector<double>>;

// Where containers come from. `once` runs the payload as true(1), `standing` as sleep; both use one root.
struct Bundles {
    std::filesystem::path once;
    std::filesystem::path standing;
    std::string payload; // in the host's file system
};

class Runtime {
  public:
    // `options` stand before the verb ("--cgroup-manager=disabled"); `state` is the runtime's own directory below it.
    // Call before: become_subreaper().
    static Result<Runtime> make(std::string name, std::vector<std::string> command, const std::filesystem::path &state,
                                const Bundles &bundles);
    Runtime(Runtime &&) noexcept = default;
    Runtime &operator=(Runtime &&) noexcept = delete;
    Runtime(const Runtime &) = delete;
    Runtime &operator=(const Runtime &) = delete;
    ~Runtime(); // deletes the standing container

    const std::string &name() const { return name_; }

    // The container that exec runs in.
    Status start_standing();

    // Each adds to `samples`.
    Status time_run(Samples &samples);
    Status time_life(Samples &samples); // create, start, delete
    Status time_exec(Samples &samples);

    // Command lines for the tracer; the ids differ from call to call.
    std::vector<std::string> run_command();
    std::vector<std::string> exec_command() const;

  private:
    Runtime() = default;
    std::vector<std::string> command(std::initializer_list<std::string> arguments) const;
    Result<double> timed(const std::vector<std::string> &command) const;
    Result<pid_t> read_pid() const;
    std::string next_id();

    std::string name_;
    std::vector<std::string> prefix_;
    Bundles bundles_;
    std::filesystem::path pid_file_;
    Fd null_, errors_; // errors_: what the last command said
    unsigned count_ = 0;
    std::unique_ptr<pid_t> standing_; // first process of the standing container; none in what was moved from
};

// Containers' first processes become our children when the runtime is gone, so their end is waited for, not polled.
Status become_subreaper();

} // namespace ballast::bench
