// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/subprocess.h"
#include "tests/unit/check.h"

// A bundle and the real ballast-oci beside it, run as engines run it, without cgroups: the machine that tests run on
// may have none of version 2.
namespace ballast::oci_tests {

using Json = nlohmann::ordered_json;

class OciFixture {
  public:
    OciFixture();
    ~OciFixture(); // no container outlives its test

    // config.json, with `change` made to a plain one whose program is `words` of programs/inside.cc.
    void configure(const std::vector<std::string> &words, const std::function<void(Json &)> &change = {}) const;
    void write_config(const std::string &text) const { must(write_file(bundle() / "config.json", text)); }

    Command command(const std::vector<std::string> &words) const;
    Completed oci(const std::vector<std::string> &words) const { return must(ballast::run(command(words))); }
    Completed run(const std::string &id = "web") const { return oci({"run", "--bundle", bundle().string(), id}); }
    Completed create(const std::string &id = "web", const std::vector<std::string> &options = {}) const;
    // "created", "running", "stopped"; empty when there is none.
    std::string status(const std::string &id = "web") const;
    bool becomes(const std::string &wanted, const std::string &id = "web") const;

    // For user namespaces, which cannot be made in a chroot: commands run with the root of a mount namespace.
    void leave_chroot() { rooted_ = true; }

    // Nothing is left: no container's directory, no process of ours.
    void check_nothing_left() const;

    std::filesystem::path directory() const { return directory_.path(); }
    std::filesystem::path bundle() const { return directory() / "bundle"; }
    std::filesystem::path root() const { return directory() / "state"; }

  private:
    bool rooted_ = false;
    TemporaryDirectory directory_ = scratch();
};

} // namespace ballast::oci_tests
