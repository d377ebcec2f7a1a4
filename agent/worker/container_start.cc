// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fcntl.h>
#include <format>
#include <iterator>
#include <runtime/v1/api.pb.h>

#include "agent/logs/log_links.h"
#include "agent/pods/container_config.h"
#include "agent/pods/pull_secrets.h"
#include "agent/pods/sandbox_config.h"
#include "agent/probes/action.h"
#include "agent/volumes/volumes.h"
#include "agent/worker/jobs.h"
#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;
namespace cri = ::runtime::v1;

// One start of a container.
class Start {
  public:
    Start(const World &world, const Job &job, const Container &container, std::string sandbox, std::string address,
          const cri::PodSandboxConfig &sandbox_config)
        : world_(world), job_(job), pod_(*job.pod), container_(container), sandbox_(std::move(sandbox)),
          address_(std::move(address)), sandbox_config_(sandbox_config),
          directory_(world.options.root_directory, pod_.uid) {
        const ObservedContainer *before = job.observed.container(container.name);
        attempt_ = before == nullptr ? 0 : before->attempt + 1;
    }

    std::optional<Waiting> run() {
        Images::Outcome image =
            world_.images.ensure(pod_, container_, sandbox_config_, [this] { return pull_credentials(); }, job_.stop);
        if (!image.image) {
            tell(true, image.waiting.reason == "ImagePullBackOff" ? "BackOff" : "Failed", image.waiting.message);
            return image.waiting;
        }
        if (image.pulled) {
            tell(false, "Pulled",
                 std::format("Successfully pulled image \"{}\" in {}ms", container_.image,
                             std::chrono::duration_cast<std::chrono::milliseconds>(*image.pulled).count()));
        }
        Result<cri::ContainerConfig> config = configuration(*image.image);
        if (!config.has_value()) {
            return failed("CreateContainerConfigError", config.error().message);
        }
        const Result<std::string> id = create(*config);
        if (!id.has_value()) {
            return failed("CreateContainerError", id.error().message);
        }
        if (const Status started = world_.runtime.start_container(*id); !started.has_value()) {
            return failed("RunContainerError", started.error().message);
        }
        link_to_log(*id, config->log_path());
        tell(false, "Started", "Started container " + container_.name);
        return container_.post_start ? post_start(*id) : std::nullopt;
    }

  private:
    // What cannot be had is told, and the pull is tried with what can.
    std::vector<PullCredentials> pull_credentials() const {
        std::vector<RegistryCredentials> known;
        std::string missing;
        for (const std::string &name : pod_.pull_secrets) {
            auto read = pull_secret(name);
            if (read.has_value()) {
                std::ranges::move(*read, std::back_inserter(known));
            } else {
                missing += (missing.empty() ? "" : ", ") + name + " (" + read.error().message + ")";
            }
        }
        if (!missing.empty()) {
            tell(true, "FailedToRetrieveImagePullSecret",
                 "Unable to retrieve some image pull secrets: " + missing +
                     "; attempting to pull the image may not succeed.");
        }
        return credentials_for(container_.image, known);
    }
    Result<std::vector<RegistryCredentials>> pull_secret(const std::string &name) const {
        if (name.empty()) {
            return fail(EINVAL, "it has no name");
        }
        if (!world_.objects.data) {
            return fail(ENOENT, "without a cluster there are no secrets");
        }
        return read_pull_secret(TRY(world_.objects.data("secret", pod_.name_space, name)));
    }
    void tell(bool warning, const std::string &reason, const std::string &message) const {
        world_.note(pod_, {.warning = warning, .reason = reason, .message = message});
    }
    std::optional<Waiting> failed(const std::string &reason, const std::string &message) const {
        tell(true, "Failed", "Error: " + message);
        return Waiting{reason, message};
    }

    Result<cri::ContainerConfig> configuration(const Runtime::ImageFacts &image) const {
        ContainerInputs inputs{.attempt = attempt_,
                               .image = image.reference,
                               .image_user = {.number = image.user, .name = image.user_name},
                               .target = TRY(target()),
                               .environment =
                                   TRY(environment_of(pod_, container_, world_.surroundings(address_), world_.objects)),
                               .mounts = {},
                               .kernel = world_.kernel};
        if (const auto wait = job_.plan.waits.find(container_.name); wait != job_.plan.waits.end()) {
            inputs.restart_wait = wait->second;
        }
        inputs.mounts = TRY(mounts(inputs.environment));
        return container_config(pod_, container_, inputs);
    }

    Result<std::string> target() const {
        if (container_.target.empty()) {
            return "";
        }
        const ObservedContainer *found = job_.observed.container(container_.target, sandbox_);
        return found != nullptr ? Result<std::string>(found->id)
                                : fail(ENOENT, "unable to find target container " + quote(container_.target));
    }

    // Kept by this agent, or claimed so.
    bool is_read_only(const std::string &name) const {
        const auto volume = std::ranges::find(pod_.volumes, name, &Volume::name);
        if (volume == pod_.volumes.end()) {
            return false;
        }
        const auto *claim = std::get_if<ClaimVolume>(&volume->source);
        return std::holds_alternative<FileVolume>(volume->source) || (claim != nullptr && claim->read_only);
    }

    Result<std::vector<HostMount>> mounts(const Variables &environment) const {
        std::vector<HostMount> mounts;
        for (std::size_t i = 0; i < container_.mounts.size(); i++) {
            const VolumeMount &mount = container_.mounts[i];
            const std::string sub_path = mount.expand_sub_path ? expanded(mount.sub_path, environment) : mount.sub_path;
            const std::string source = TRY(mount_source(pod_, directory_, container_.name, mount, i, sub_path));
            mounts.push_back({.source = source,
                              .target = mount.path.starts_with('/') ? mount.path : "/" + mount.path,
                              .read_only = mount.read_only || is_read_only(mount.volume),
                              .recursive_read_only = mount.recursive_read_only,
                              .propagation = mount.propagation});
        }
        const auto mounted = [&](const std::string &path) {
            return std::ranges::contains(mounts, path, &HostMount::target);
        };
        if (!mounted("/etc/hosts")) {
            mounts.push_back({.source = directory_.hosts().string(), .target = "/etc/hosts"});
        }
        if (!container_.termination_path.empty() && !mounted(container_.termination_path)) {
            mounts.push_back({.source = TRY(termination_file()).string(), .target = container_.termination_path});
        }
        return mounts;
    }

    // For every user to write to, whoever the program is.
    Result<fs::path> termination_file() const {
        constexpr mode_t kDirectory = 0750, kMode = 0666;
        const fs::path path = directory_.termination_message(container_.name, attempt_);
        TRY(make_directories(path.parent_path(), kDirectory));
        TRY(replace_file(path, "", kMode));
        return path;
    }

    Result<std::string> create(const cri::ContainerConfig &config) const {
        // The runtime writes the log there; it makes no directories.
        TRY(make_directories(fs::path(sandbox_config_.log_directory()) / container_.name));
        const std::string id = TRY(world_.runtime.create_container(sandbox_, config, sandbox_config_));
        tell(false, "Created", "Created container: " + container_.name);
        return id;
    }

    // Where it cannot be made it is tried again with the upkeep of all logs.
    void link_to_log(const std::string &id, const std::string &path) const {
        (void)link_log(world_.options.container_logs,
                       {.name = log_link_name(pod_.name, pod_.name_space, container_.name, id),
                        .log = fs::path(sandbox_config_.log_directory()) / path});
    }

    std::optional<Waiting> post_start(const std::string &id) const {
        const std::chrono::seconds patience(
            std::chrono::duration_cast<std::chrono::seconds>(world_.options.config.runtime_request_timeout));
        const Target target{.container_id = id, .address = address_, .container = &container_};
        const Status done =
            run_action(*container_.post_start, target, {world_.runtime, world_.http}, patience, job_.stop);
        if (done.has_value() || done.error().code == ECANCELED) {
            return std::nullopt;
        }
        tell(true, "FailedPostStartHook", "PostStartHook failed: " + done.error().message);
        const ObservedContainer own{.id = id,
                                    .name = container_.name,
                                    .sandbox = sandbox_,
                                    .reason = {},
                                    .message = {},
                                    .image = {},
                                    .image_ref = {},
                                    .log_path = {},
                                    .annotations = {}};
        (void)stop_container(world_, pod_, job_.observed, own,
                             std::chrono::seconds(std::max<std::int64_t>(pod_.grace, 1)),
                             "FailedPostStartHook"); // what still runs is seen at the next look
        return Waiting{"PostStartHookError", done.error().message};
    }

    const World &world_;
    const Job &job_;
    const Pod &pod_;
    const Container &container_;
    std::string sandbox_, address_;
    const cri::PodSandboxConfig &sandbox_config_;
    PodDirectory directory_;
    unsigned attempt_ = 0;
};

} // namespace

std::optional<Waiting> start_container(const World &world, const Job &job, const Container &container,
                                       const std::string &sandbox, const std::string &address,
                                       const cri::PodSandboxConfig &sandbox_config) {
    return Start(world, job, container, sandbox, address, sandbox_config).run();
}

} // namespace ballast::agent
