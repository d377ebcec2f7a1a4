// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_container_view.h"

#include <csignal>
#include <cstring>

#include "runtime/api/cri_pod_view.h"
#include "runtime/engine/settings_check.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using engine::Phase;
using engine::Snapshot;

// What both messages have.
template <typename Message>
Message begin(const Snapshot &container) {
    Message made;
    made.set_id(container.id);
    made.mutable_metadata()->set_name(container.pod.name);
    made.mutable_metadata()->set_attempt(container.pod.attempt);
    made.set_state(cri_state(container.state));
    made.set_created_at(cri_time(container.created));
    made.mutable_image()->set_image(container.config.image);
    made.mutable_image()->set_user_specified_image(container.pod.image);
    made.set_image_ref(container.image_id);
    made.set_image_id(container.image_id);
    made.mutable_labels()->insert(container.pod.labels.begin(), container.pod.labels.end());
    made.mutable_annotations()->insert(container.pod.annotations.begin(), container.pod.annotations.end());
    return made;
}

const char *reason_of(const engine::State &state) {
    return state.started_at == engine::kNever ? "StartError"
           : state.oom_killed                 ? "OOMKilled"
           : state.exit_code == 0             ? "Completed"
                                              : "Error";
}

cri::MountPropagation propagation_of(const std::string &propagation) {
    return propagation == "rshared"  ? cri::PROPAGATION_BIDIRECTIONAL
           : propagation == "rslave" ? cri::PROPAGATION_HOST_TO_CONTAINER
                                     : cri::PROPAGATION_PRIVATE;
}

void add_mounts(const Snapshot &container, cri::ContainerStatus &to) {
    for (const engine::MountSpec &from : container.host.mounts) {
        const engine::MountSpec::Bind bind = from.bind.value_or(engine::MountSpec::Bind{});
        cri::Mount &mount = *to.add_mounts();
        mount.set_container_path(from.target);
        if (from.type == "image") {
            mount.mutable_image()->set_image(from.source);
            mount.set_image_sub_path(from.image.value_or(engine::MountSpec::Image{}).subpath);
            mount.set_readonly(true);
            continue;
        }
        mount.set_host_path(from.source);
        mount.set_readonly(from.read_only);
        mount.set_recursive_read_only(from.read_only && !bind.read_only_non_recursive);
        mount.set_propagation(propagation_of(bind.propagation));
    }
}

void set_resources(const Snapshot &container, cri::LinuxContainerResources &to) {
    const engine::HostConfig &from = container.host;
    to.set_cpu_period(from.cpu_period);
    to.set_cpu_quota(from.cpu_quota);
    to.set_cpu_shares(from.cpu_shares);
    to.set_cpuset_cpus(from.cpuset_cpus);
    to.set_cpuset_mems(from.cpuset_mems);
    to.set_memory_limit_in_bytes(from.memory);
    to.set_memory_swap_limit_in_bytes(from.memory_swap);
    to.set_oom_score_adj(from.oom_score_adj);
    for (const auto &[size, limit] : container.pod.huge_pages) {
        cri::HugepageLimit &made = *to.add_hugepage_limits();
        made.set_page_size(size);
        made.set_limit(limit);
    }
    to.mutable_unified()->insert(container.pod.cgroup.begin(), container.pod.cgroup.end());
}

cri::Signal signal_of(const std::string &text) {
    const int number = engine::signal_number(text.empty() ? "SIGTERM" : text).value_or(SIGTERM);
    std::string name = "CRI_SIG";
    if (number >= SIGRTMIN) {
        const int above = number - SIGRTMIN, below = SIGRTMAX - number;
        name += above == 0   ? "RTMIN"
                : below == 0 ? "RTMAX"
                : above < 16 ? "RTMINPLUS" + std::to_string(above)
                             : "RTMAXMINUS" + std::to_string(below);
    } else if (const char *known = sigabbrev_np(number)) {
        name += known;
    }
    cri::Signal signal = cri::RUNTIME_DEFAULT;
    (void)cri::Signal_Parse(name, &signal); // one that Kubernetes has no name for stays the default
    return signal;
}

} // namespace

cri::ContainerState cri_state(const engine::State &state) {
    if (state.running()) {
        return cri::CONTAINER_RUNNING;
    }
    const bool tried = state.finished_at != engine::kNever;
    return state.phase == Phase::kCreated && !tried ? cri::CONTAINER_CREATED : cri::CONTAINER_EXITED;
}

cri::Container cri_container(const Snapshot &container) {
    auto made = begin<cri::Container>(container);
    made.set_pod_sandbox_id(container.pod.sandbox);
    return made;
}

cri::ContainerStatus cri_container_status(const Snapshot &container, const image::Image *image) {
    auto made = begin<cri::ContainerStatus>(container);
    const engine::State &state = container.state;
    if (!container.pod.image.empty()) {
        made.mutable_image()->set_image(container.pod.image);
    }
    if (image != nullptr && !image->digests.empty()) {
        const Result<image::Reference> name = image::Reference::parse(image->digests.front());
        made.set_image_ref(name ? name->canonical() : image->digests.front());
    }
    made.set_started_at(cri_time(state.started_at));
    if (made.state() == cri::CONTAINER_EXITED) {
        made.set_finished_at(cri_time(state.finished_at));
        made.set_exit_code(state.exit_code);
        made.set_reason(reason_of(state));
        made.set_message(state.error);
    }
    add_mounts(container, made);
    made.set_log_path(container.log_path);
    set_resources(container, *made.mutable_resources()->mutable_linux());
    if (const auto &user = container.pod.user) {
        cri::LinuxContainerUser &to = *made.mutable_user()->mutable_linux();
        to.set_uid(user->uid);
        to.set_gid(user->gid);
        to.mutable_supplemental_groups()->Add(user->groups.begin(), user->groups.end());
    }
    made.set_stop_signal(signal_of(container.config.stop_signal));
    return made;
}

cri::ContainerStatus cri_container_status(const Snapshot &container, const image::ImageStore &images) {
    const Result<image::Image> image = images.find(container.image_id);
    return cri_container_status(container, image ? &*image : nullptr);
}

} // namespace ballast::api
