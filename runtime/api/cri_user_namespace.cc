// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_user_namespace.h"

#include <algorithm>
#include <cstdint>

#include "runtime/api/cri_methods.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using List = google::protobuf::RepeatedPtrField<cri::IDMapping>;

Result<std::vector<oci::IdMapping>> read_list(const List &from, const std::string &what) {
    std::vector<oci::IdMapping> mappings;
    for (const cri::IDMapping &one : from) {
        const auto ends_below = [&one](std::uint32_t first) { return one.length() <= UINT32_MAX - first; };
        if (one.length() == 0 || !ends_below(one.host_id()) || !ends_below(one.container_id())) {
            return fail(EINVAL, what + ": want a length from 1 on, and ids of 32 bits");
        }
        mappings.push_back({.container_id = one.container_id(), .host_id = one.host_id(), .size = one.length()});
    }
    if (!mappings.empty() && !std::ranges::contains(mappings, 0U, &oci::IdMapping::container_id)) {
        return fail(EINVAL, what + ": want a mapping of root, the container_id 0");
    }
    return mappings;
}

} // namespace

Result<engine::IdMappings> read_id_mappings(const List &uids, const List &gids, const std::string &what) {
    engine::IdMappings ids{.uids = TRY(read_list(uids, what)), .gids = TRY(read_list(gids, what))};
    if (ids.uids.empty() != ids.gids.empty()) {
        return fail(EINVAL, what + ": want mappings of users and of groups, or none");
    }
    return ids;
}

Result<engine::IdMappings> read_user_namespace(const cri::UserNamespace &from, const std::string &what) {
    engine::IdMappings ids = TRY(read_id_mappings(from.uids(), from.gids(), what));
    if (!cri::NamespaceMode_IsValid(from.mode())) {
        return unknown_value(what + ": mode", from.mode());
    }
    if (from.mode() != cri::NODE && from.mode() != cri::POD) {
        return fail(EINVAL, what + ": want the mode POD or NODE");
    }
    if ((from.mode() == cri::POD) != ids.given()) {
        return fail(EINVAL, what + ": POD takes uids and gids, and NODE takes neither");
    }
    return ids;
}

} // namespace ballast::api
