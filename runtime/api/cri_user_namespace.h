// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>
#include <string>

#include "base/result.h"
#include "runtime/engine/id_mappings.h"

namespace ballast::api {

// CRI's UserNamespace: NODE is the host's, and POD takes mappings of both kinds, root's among them. EINVAL, after
// `what`, for all else.
Result<engine::IdMappings> read_user_namespace(const ::runtime::v1::UserNamespace &from, const std::string &what);

// uidMappings and gidMappings; neither, or both.
Result<engine::IdMappings> read_id_mappings(const google::protobuf::RepeatedPtrField<::runtime::v1::IDMapping> &uids,
                                            const google::protobuf::RepeatedPtrField<::runtime::v1::IDMapping> &gids,
                                            const std::string &what);

} // namespace ballast::api
