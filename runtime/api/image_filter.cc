// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/image_filter.h"

#include <algorithm>
#include <fnmatch.h>

#include "runtime/api/call.h"
#include "runtime/api/times.h"

namespace ballast::api {
namespace {

bool has_label(const image::Image &image, const std::string &wanted) {
    const std::size_t equals = wanted.find('=');
    const auto &labels = image.config.config.labels;
    const auto found = labels.find(wanted.substr(0, equals));
    return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

bool is_dangling(const image::Image &image) { return image.tags.empty(); }

bool has_reference(const image::Image &image, const std::string &pattern) {
    const auto fits = [&](const std::string &name) { return matches_reference(pattern, name); };
    return std::ranges::any_of(image.tags, fits) || std::ranges::any_of(image.digests, fits);
}

using Values = std::vector<std::string>;

Result<ImageTest> one_filter(const std::string &name, const Values &values, const image::ImageStore &images,
                             engine::Time now) {
    if (name == "label") {
        return [values](const image::Image &image) {
            return std::ranges::all_of(values, [&](const std::string &label) { return has_label(image, label); });
        };
    }
    if (name == "label!") {
        return [values](const image::Image &image) {
            return std::ranges::none_of(values, [&](const std::string &label) { return has_label(image, label); });
        };
    }
    if (name == "reference") {
        return [values](const image::Image &image) {
            return std::ranges::any_of(values, [&](const std::string &each) { return has_reference(image, each); });
        };
    }
    if (values.size() != 1) {
        return fail(EINVAL, "invalid filter '" + name + "': want one value");
    }
    const std::string &value = values.front();
    if (name == "dangling") {
        if (value != "true" && value != "false" && value != "1" && value != "0") {
            return fail(EINVAL, "invalid filter 'dangling=" + value + "'");
        }
        const bool wanted = value == "true" || value == "1";
        return [wanted](const image::Image &image) { return is_dangling(image) == wanted; };
    }
    if (name == "until") {
        const engine::Time until = TRY(parse_when(value, now));
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count();
        return [seconds](const image::Image &image) { return image::seconds_of(image.config.created) <= seconds; };
    }
    const image::Image other = TRY(images.find(value));
    const std::int64_t created = image::seconds_of(other.config.created);
    const bool before = name == "before";
    return [created, before](const image::Image &image) {
        const std::int64_t own = image::seconds_of(image.config.created);
        return before ? own < created : own > created;
    };
}

} // namespace

bool matches_reference(const std::string &pattern, const std::string &familiar) {
    if (fnmatch(pattern.c_str(), familiar.c_str(), FNM_PATHNAME) == 0) {
        return true;
    }
    // A pattern without a tag stands for all tags.
    const std::size_t slash = familiar.rfind('/');
    const std::size_t end = familiar.find_first_of(":@", slash == std::string::npos ? 0 : slash);
    return fnmatch(pattern.c_str(), familiar.substr(0, end).c_str(), FNM_PATHNAME) == 0;
}

Result<ImageTest> image_filter(const engine::Filters &filters, const image::ImageStore &images, engine::Time now) {
    TRY(check_filters(filters, {"before", "since", "label", "label!", "reference", "dangling", "until"}));
    std::vector<ImageTest> tests;
    for (const auto &[name, values] : filters) {
        tests.push_back(TRY(one_filter(name, values, images, now)));
    }
    return [tests = std::move(tests)](const image::Image &image) {
        return std::ranges::all_of(tests, [&](const ImageTest &test) { return test(image); });
    };
}

} // namespace ballast::api
