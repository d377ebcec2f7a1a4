// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>

#include "runtime/engine/usage.h"

// What pods use as metrics, which kubelet hands to Prometheus as they are: under the names of cAdvisor, and with the
// labels that dashboards expect of it (container, id, image, name, namespace, pod). Values are whole numbers: seconds
// are rounded down.
namespace ballast::api {

::runtime::v1::ListMetricDescriptorsResponse cri_metric_descriptors();

// What is not known has no metric.
::runtime::v1::PodSandboxMetrics cri_pod_metrics(const engine::PodUsage &usage);

} // namespace ballast::api
