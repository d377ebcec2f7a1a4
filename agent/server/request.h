// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/api_server/json.h"
#include "agent/cluster/shown_pod.h"
#include "agent/cri_client/runtime.h"
#include "agent/node/usage.h"
#include "base/http/exchange.h"
#include "base/result.h"

namespace ballast::agent {

// What the server asks the rest of the agent. From any thread; ETIMEDOUT and ECANCELED when nobody answers.
struct PodSource {
    std::function<Result<std::vector<Json>>()> pods;
    // ENOENT: there is no such pod here. `uid`: empty: any.
    std::function<Result<ShownPod>(const std::string &name_space, const std::string &name, const std::string &uid)> pod;
};

// What the routes work with.
struct ServerWorld {
    Runtime &runtime;
    PodSource pods;
    std::function<Status()> healthy; // an error: what is wrong
    std::filesystem::path pod_logs;
    std::string node_name;
    std::function<NodeUsage()> node_usage;
};

// The parts of a path: "/a/b" is a, b.
using PathParts = std::vector<std::string>;
PathParts parts_of(const std::string &path);

// What went wrong, as text with the status that fits. An answer that was begun is broken off instead.
void refuse(http::Exchange &exchange, const Error &error);
void refuse(http::Exchange &exchange, unsigned status, const std::string &why);

// Routes: each answers one kind of request. `parts` start with what names it.
Status serve_metrics(http::Exchange &exchange, const ServerWorld &world);
Status serve_resource_metrics(http::Exchange &exchange, const ServerWorld &world);
Status serve_summary(http::Exchange &exchange, const ServerWorld &world);
Status serve_pods(http::Exchange &exchange, const ServerWorld &world);
Status serve_log(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts);
Status serve_exec(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts);
Status serve_attach(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts);
Status serve_forward(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts);

// The ID of the container whose log is meant, by a pod's status. EINVAL in kubelet's words where there is none.
Result<std::string> logged_container(const Json &pod, const std::string &name, bool previous);
// A container's specification in a pod; null: it has none of that name.
const Json &container_spec(const Json &pod, const std::string &name);

} // namespace ballast::agent
