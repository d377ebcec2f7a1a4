// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_result.h"

#include <algorithm>

#include "base/quote.h"
#include "updater/boot_entries.h"
#include "updater/grub_environment.h"

namespace ballast::updater {

Result<std::string> running_deployment(std::string_view command_line) {
    constexpr std::string_view kBlanks = " \t\n";
    std::string id;
    bool found = false;
    while (!command_line.empty()) {
        const auto end = std::min(command_line.find_first_of(kBlanks), command_line.size());
        const std::string_view word = command_line.substr(0, end);
        command_line.remove_prefix(std::min(end + 1, command_line.size()));
        if (word.starts_with(kDeploymentArgument) && word.substr(kDeploymentArgument.size()).starts_with('=')) {
            id = word.substr(kDeploymentArgument.size() + 1);
            found = true;
        }
    }
    const std::string argument = std::string(kDeploymentArgument) + "=";
    if (!found) {
        return fail(ENOENT, "the kernel command line has no " + argument + ": not started from the boot menu");
    }
    if (!is_deployment_id(id)) {
        return fail(EINVAL, "the kernel command line has a broken " + argument + quote(id));
    }
    return id;
}

std::string deployment_name(std::string_view id) {
    constexpr std::string_view kFront = "ostree-";
    const std::size_t dash = id.rfind('-');
    return id.starts_with(kFront) && dash != std::string_view::npos && dash > kFront.size()
               ? std::string(id.substr(kFront.size(), dash - kFront.size()))
               : std::string();
}

Status forget_trial(const std::filesystem::path &grubenv) {
    Result<GrubEnvironment> environment = read_environment(grubenv);
    if (!environment.has_value()) { // missing or corrupt: it holds no tries, and record_good() makes it anew
        const bool empty = environment.error().code == ENOENT || environment.error().code == EINVAL;
        return empty ? Status() : Status(std::unexpected(std::move(environment).error()));
    }
    if (!environment->get("trial") && !environment->get("tries")) {
        return {};
    }
    environment->remove("trial");
    environment->remove("tries");
    return write_environment(grubenv, *environment);
}

Result<GoodRecord> record_good(const std::filesystem::path &grubenv, const std::string &id) {
    if (!is_deployment_id(id)) {
        return fail(EINVAL, "not a deployment's id: " + quote(id));
    }
    GrubEnvironment environment;
    if (Result<GrubEnvironment> found = read_environment(grubenv); found.has_value()) {
        environment = std::move(*found);
    } else if (found.error().code != ENOENT && found.error().code != EINVAL) {
        return std::unexpected(std::move(found).error());
    }
    if (environment.get("good") == id) {
        return GoodRecord::kAlreadyThere;
    }
    TRY(environment.set("good", id));
    if (environment.get("trial").value_or(id) == id) {
        environment.remove("trial");
        environment.remove("tries");
    }
    TRY(write_environment(grubenv, environment));
    return GoodRecord::kWritten;
}

} // namespace ballast::updater
