// SPDX-License-Identifier: Apache-2.0
#include "tests/images/sources.h"

#include <cstdlib>

#include "base/file_io.h"
#include "tests/images/deb.h"

namespace ballast::images {
namespace {

using Unpacked = std::map<PackageName, std::map<std::string, Entry>>;

Result<std::string> package_member(const PackageCache &cache, Unpacked &unpacked, const PackageName &package,
                                   const std::string &member) {
    auto files = unpacked.find(package);
    if (files == unpacked.end()) {
        const std::string bytes = TRY(cache.read(package));
        files = unpacked.emplace(package, TRY(read_deb(bytes).within(package.describe()))).first;
    }
    const auto file = files->second.find(member);
    if (file == files->second.end() || file->second.kind != Kind::kFile) {
        return fail(ENOENT, package.describe() + " has no regular file " + member);
    }
    return file->second.content;
}

} // namespace

Sources real_sources(const PackageCache &cache, const std::filesystem::path &programs,
                     const std::filesystem::path &source_directory) {
    auto unpacked = std::make_shared<Unpacked>();
    return {
        .package_file =
            [&cache, unpacked](const std::string &package, const std::string &architecture, const std::string &member) {
                return package_member(cache, *unpacked, {package, architecture}, member);
            },
        .program = [programs](const std::string &name) { return read_file(programs / name); },
        .source_file = [source_directory](const std::string &path) { return read_file(source_directory / path); },
    };
}

std::filesystem::path test_cache() {
    const char *variable = std::getenv("BALLAST_TEST_IMAGES_CACHE");
    return variable != nullptr ? variable : "/var/cache/ballast/test-images";
}

std::filesystem::path own_directory() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

} // namespace ballast::images
