// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/unit/check.h"

namespace ballast::api_tests {

// The real ballastd without cgroups, on a file system and a socket of its own, with an image "inside" whose only
// program is engine-test-inside; and the real docker command. Skips where root or docker is missing.
class DaemonFixture {
  public:
    explicit DaemonFixture(const std::string &configuration = R"({"cgroups": "disabled"})");
    ~DaemonFixture();
    DaemonFixture(const DaemonFixture &) = delete;
    DaemonFixture &operator=(const DaemonFixture &) = delete;

    // `docker WORDS...`; what it printed and its exit status.
    Completed docker(std::vector<std::string> words, const std::string &input = "") const;
    // The same, and it must succeed: stdout without the last line end.
    std::string output_of(std::vector<std::string> words, const std::string &input = "") const;
    // A shell's line, where the environment makes docker speak with this daemon.
    std::string shell(const std::string &line) const;

    void start(const std::vector<std::string> &more_hosts = {});
    void stop(); // SIGTERM; ends with status 0
    void kill(); // SIGKILL
    void reload(const std::string &configuration);
    // Whether it became true in a time in which it must.
    static bool eventually(const std::function<bool()> &condition);
    // Threads and open descriptors of the daemon.
    std::pair<std::size_t, std::size_t> holdings() const;
    // What the daemon logged so far.
    std::string log() const;

    // A command whose environment makes docker speak with this daemon; in the fixture's directory.
    Command command(std::vector<std::string> words) const;
    // An image of tests/images as an OCI layout, made from real packages.
    std::filesystem::path layout(const std::string &image) const;
    std::filesystem::path path(const std::string &name) const { return directory_.path() / name; }
    // A connection of one's own, and a request with its whole answer (the request must end the connection).
    Fd connect() const;
    std::string ask(std::string_view request) const;

  private:
    TemporaryDirectory directory_;
    std::optional<Child> daemon_;
};

} // namespace ballast::api_tests
