// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/integration/api/pod_fixture.h"

namespace ballast::agent_tests {

// A node without a cluster: the real ballast-agent on the real ballastd. Its containers' image is "inside"; a failing
// container waits a second at most.
class NodeFixture : public api_tests::PodFixture {
  public:
    NodeFixture() : NodeFixture("") { start_agent(); }
    ~NodeFixture();
    NodeFixture(const NodeFixture &) = delete;
    NodeFixture &operator=(const NodeFixture &) = delete;

    void start_agent();
    void stop_agent(); // SIGTERM; ends with status 0
    void kill_agent(); // SIGKILL
    std::string agent_log() const;

    // Writes or removes a manifest: metadata's members, and the specification's lines with two blanks in front.
    void manifest(const std::string &name, const std::string &spec) const;
    void no_manifest(const std::string &name) const;
    // One container's line.
    static std::string container(const std::string &name, const std::string &arguments, const std::string &more = "");

    std::vector<::runtime::v1::Container> containers();
    // The newest of that name; nothing: there is none.
    std::optional<::runtime::v1::Container> newest(const std::string &name);
    ::runtime::v1::ContainerStatus container_status(const std::string &id);
    bool runs(const std::string &name); // a container of that name
    // It must become so; else the agent's log is shown.
    void until(const std::function<bool()> &condition, const std::string &what);
    // A pod's directory, by the UID that the runtime has for it.
    std::filesystem::path directory_of(const std::string &container_name);
    bool nothing_left(); // of any pod, at the runtime and in the agent's directories

  protected:
    // With more lines of configuration; the agent is not started.
    explicit NodeFixture(const std::string &more_configuration);
    std::vector<std::string> more_flags_;

  private:
    std::optional<Child> agent_;
};

} // namespace ballast::agent_tests
