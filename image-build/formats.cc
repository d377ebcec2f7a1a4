// SPDX-License-Identifier: Apache-2.0
#include "image-build/formats.h"

#include <algorithm>
#include <format>
#include <sstream>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::image_build {

Result<std::vector<Format>> parse_formats(const std::string &list) {
    std::vector<Format> formats;
    // With a comma behind it a list's last empty word counts, too.
    std::istringstream words(list.ends_with(',') ? list + "," : list);
    for (std::string word; std::getline(words, word, ',');) {
        if (std::ranges::contains(formats, word, &Format::name)) {
            return fail(EINVAL, "image format '" + word + "' is given twice; there are: qcow2, raw");
        }
        const auto *found = std::ranges::find(kFormats, word, &Format::name);
        if (found == std::end(kFormats)) {
            return fail(EINVAL, "there is no image format '" + word + "'; there are: qcow2, raw");
        }
        formats.push_back(*found);
    }
    if (formats.empty()) {
        return fail(EINVAL, "no image format given; there are: qcow2, raw");
    }
    return formats;
}

Status convert(const std::filesystem::path &raw, const Format &format, const std::filesystem::path &output,
               const std::filesystem::path &log) {
    if (format.name == "qcow2") {
        (void)TRY(
            run_checked({.arguments = {"qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", "-m", "8", "-W", "-o",
                                       "compression_type=zstd,lazy_refcounts=on", raw.string(), output.string()},
                         .log = log}));
        return {};
    }
    (void)TRY(run_checked(
        {.arguments = {"zstd", "--quiet", "--force", "-T0", "-10", "--long=27", raw.string(), "-o", output.string()},
         .log = log}));
    return {};
}

Status remove_other_formats(const std::filesystem::path &image, const std::vector<Format> &formats) {
    for (const Format &format : kFormats) {
        if (!std::ranges::contains(formats, format.name, &Format::name)) {
            TRY(remove_tree(image.string() + std::string(format.extension)));
        }
    }
    return {};
}

Result<std::string> checksums(const std::filesystem::path &directory, const std::string &prefix) {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && name.starts_with(prefix)) {
            names.push_back(name);
        }
    }
    std::ranges::sort(names);
    std::string text;
    for (const std::string &name : names) {
        text += std::format("{}  {}\n", TRY(sha256_file(directory / name)), name);
    }
    return text;
}

} // namespace ballast::image_build
