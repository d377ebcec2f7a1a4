// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/image_config.h"

// The instructions of a Dockerfile that `docker commit --change` and `docker import --change` take: CMD, ENTRYPOINT,
// ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR.
namespace ballast::image {

// Applies one instruction after another. EINVAL names the instruction that does not read.
Status apply_changes(const std::vector<std::string> &changes, RunConfig &config);

// "80", "80/udp" or "8000-8010/tcp" as single ports with protocol. EINVAL otherwise.
Result<std::vector<std::string>> exposed_ports(std::string_view text);

} // namespace ballast::image
