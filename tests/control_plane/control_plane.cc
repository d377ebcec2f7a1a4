// SPDX-License-Identifier: Apache-2.0
#include "tests/control_plane/control_plane.h"

#include <nlohmann/json.hpp>

#include "tests/unit/check.h"

namespace ballast::control_plane {
namespace {

Servers started(const std::filesystem::path &directory, const std::string &address) {
    if (!programs()) {
        SKIP(kNoPrograms);
    }
    return must(
        Servers::start({.directory = directory, .bind = address.empty() ? "127.0.0.1" : "0.0.0.0", .name = address}));
}

} // namespace

ControlPlane::ControlPlane(const std::filesystem::path &directory, const std::string &address)
    : servers_(started(directory, address)) {}

std::filesystem::path ControlPlane::kubeconfig(const std::string &name, const std::string &group) const {
    return must(servers_.kubeconfig(name, group));
}

Completed ControlPlane::kubectl(std::vector<std::string> words, const std::string &input) const {
    return must(servers_.kubectl(std::move(words), input));
}

std::string ControlPlane::output_of(std::vector<std::string> words, const std::string &input) const {
    Completed done = kubectl(std::move(words), input);
    INFO(done.errors);
    REQUIRE(done.status == 0);
    return done.output;
}

void ControlPlane::apply(const std::string &documents) const { (void)output_of({"apply", "-f", "-"}, documents); }

int ControlPlane::minor() const {
    const auto version = nlohmann::json::parse(output_of({"get", "--raw", "/version"}));
    return std::stoi(version.at("minor").get<std::string>()); // "20", or "20+" of somebody's own
}

void ControlPlane::kill_api_server() { must(servers_.kill_api_server()); }
void ControlPlane::start_api_server() { must(servers_.start_api_server()); }

} // namespace ballast::control_plane
