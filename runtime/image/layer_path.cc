// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/layer_path.h"

#include <vector>

#include "base/json/json_tree.h"

namespace ballast::image {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOwnNames = ".wh..wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::size_t kLongestName = 255;

std::unexpected<Error> bad(std::string_view written, const std::string &why, int code = EINVAL) {
    return fail(code, "entry " + shortly_quoted(written) + ": " + why);
}

// Without empty and "." components.
Result<std::vector<std::string_view>> components_of(std::string_view written, const UnpackLimits &limits) {
    std::vector<std::string_view> components;
    if (written.empty() || written.contains('\0')) {
        return bad(written, "its name is empty or holds a NUL byte");
    }
    if (written.size() > limits.path_bytes) {
        return bad(written, "its name is longer than " + std::to_string(limits.path_bytes) + " bytes", ENAMETOOLONG);
    }
    for (std::size_t at = 0; at <= written.size();) {
        const std::size_t end = std::min(written.find('/', at), written.size());
        const std::string_view component = written.substr(at, end - at);
        at = end + 1;
        if (component.empty() || component == ".") {
            continue;
        }
        if (component == "..") {
            return bad(written, "its name has \"..\": it would leave the image");
        }
        if (component.size() > kLongestName) {
            return bad(written, "a part of its name is longer than 255 bytes", ENAMETOOLONG);
        }
        components.push_back(component);
    }
    if (components.size() > limits.depth) {
        return bad(written, "deeper than " + std::to_string(limits.depth) + " directories", ENAMETOOLONG);
    }
    return components;
}

} // namespace

Result<LayerPath> parse_layer_path(std::string_view written, bool whiteouts, const UnpackLimits &limits) {
    const std::vector<std::string_view> components = TRY(components_of(written, limits));
    LayerPath path;
    if (components.empty()) {
        path.kind = PathKind::kRoot;
        return path;
    }
    for (std::size_t place = 0; place + 1 < components.size(); place++) {
        if (whiteouts && components[place].starts_with(kWhiteout)) {
            if (components[place].starts_with(kOwnNames)) {
                path.kind = PathKind::kIgnored; // ".wh..wh.plnk/…"
                return path;
            }
            return bad(written, "a whiteout holds nothing");
        }
        path.parent += (place == 0 ? "" : "/") + std::string(components[place]);
    }
    path.name = components.back();
    if (!whiteouts || !path.name.starts_with(kWhiteout)) {
        return path;
    }
    if (path.name == kOpaque) {
        path.kind = PathKind::kOpaque;
        return path;
    }
    if (path.name.starts_with(kOwnNames)) {
        path.kind = PathKind::kIgnored;
        return path;
    }
    path.kind = PathKind::kWhiteout;
    path.name.erase(0, kWhiteout.size());
    if (path.name.empty() || path.name == "." || path.name == "..") {
        return bad(written, "a whiteout of nothing");
    }
    return path;
}

} // namespace ballast::image
