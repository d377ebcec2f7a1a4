// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// The labels and annotations by which kubelet marks what it makes, so that crictl, monitoring and another agent
// recognise it.
namespace ballast::agent::labels {

inline constexpr const char *kPodName = "io.kubernetes.pod.name";
inline constexpr const char *kPodNamespace = "io.kubernetes.pod.namespace";
inline constexpr const char *kPodUid = "io.kubernetes.pod.uid";
inline constexpr const char *kContainerName = "io.kubernetes.container.name";

// Annotations of containers.
inline constexpr const char *kPodGrace = "io.kubernetes.pod.terminationGracePeriod";
inline constexpr const char *kHash = "io.kubernetes.container.hash";
inline constexpr const char *kRestartCount = "io.kubernetes.container.restartCount";
inline constexpr const char *kTerminationPath = "io.kubernetes.container.terminationMessagePath";
inline constexpr const char *kTerminationPolicy = "io.kubernetes.container.terminationMessagePolicy";
inline constexpr const char *kPreStop = "io.kubernetes.container.preStopHandler";
// Ours: how long it would wait to be started again, in nanoseconds.
inline constexpr const char *kRestartWait = "org.ballast.agent.restartWait";
inline constexpr const char *kPorts = "io.kubernetes.container.ports";

// Annotations of pods.
inline constexpr const char *kConfigSource = "kubernetes.io/config.source"; // "file" or "api"
inline constexpr const char *kConfigHash = "kubernetes.io/config.hash";
inline constexpr const char *kConfigSeen = "kubernetes.io/config.seen";
inline constexpr const char *kConfigMirror = "kubernetes.io/config.mirror";

// What a container is known by where only an image may change in its definition: eight hexadecimal digits.
std::string hash_of(const std::string &name, const std::string &image);

} // namespace ballast::agent::labels
