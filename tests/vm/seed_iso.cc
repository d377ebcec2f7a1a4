// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/seed_iso.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "base/digest.h"
#include "base/file_io.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kSeedNames = {"user-data", "meta-data", "network-config", "vendor-data"};

using Archive = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

la_ssize_t append(archive *, void *bytes, const void *buffer, size_t size) {
    static_cast<std::string *>(bytes)->append(static_cast<const char *>(buffer), size);
    return static_cast<la_ssize_t>(size);
}

Status checked(archive *iso, int code, const char *step) {
    if (code == ARCHIVE_OK) {
        return {};
    }
    const char *reason = archive_error_string(iso);
    return fail(EIO, std::string("make seed disk: ") + step + ": " + (reason ? reason : "unknown error"));
}

} // namespace

Result<SeedFiles> read_seed(const fs::path &directory) {
    SeedFiles files;
    std::error_code error;
    fs::directory_iterator entries(directory, error);
    if (error) {
        return fail(error.value(), "seed " + directory.string() + ": " + error.message());
    }
    for (const fs::directory_entry &entry : entries) {
        const std::string name = entry.path().filename().string();
        if (std::ranges::find(kSeedNames, name) == kSeedNames.end()) {
            return fail(EINVAL, "seed " + directory.string() + ": unknown file \"" + name +
                                    "\"; a NoCloud seed holds user-data, meta-data, network-config and vendor-data");
        }
        files[name] = TRY(read_file(entry.path()));
    }
    if (!files.contains("user-data")) {
        return fail(ENOENT, "seed " + directory.string() + ": no file user-data in it; make one, it may be empty");
    }
    if (!files.contains("meta-data")) {
        std::string all;
        for (const auto &[name, content] : files) {
            all += name + '\0' + content + '\0';
        }
        files["meta-data"] = "instance-id: seed-" + sha256(all).substr(0, 16) + "\n";
    }
    return files;
}

Result<std::string> make_seed_iso(const SeedFiles &files) {
    std::string bytes;
    const Archive iso(archive_write_new(), archive_write_free);
    TRY(checked(iso.get(), archive_write_set_format_iso9660(iso.get()), "iso9660"));
    TRY(checked(iso.get(), archive_write_set_options(iso.get(), "volume-id=cidata,joliet,rockridge"), "options"));
    TRY(checked(iso.get(), archive_write_open2(iso.get(), &bytes, nullptr, append, nullptr, nullptr), "open"));
    for (const auto &[name, content] : files) {
        const Entry entry(archive_entry_new(), archive_entry_free);
        archive_entry_set_pathname(entry.get(), name.c_str());
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0600);
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
        archive_entry_set_mtime(entry.get(), 0, 0);
        TRY(checked(iso.get(), archive_write_header(iso.get(), entry.get()), name.c_str()));
        if (archive_write_data(iso.get(), content.data(), content.size()) != static_cast<la_ssize_t>(content.size())) {
            TRY(checked(iso.get(), ARCHIVE_FATAL, name.c_str()));
        }
    }
    TRY(checked(iso.get(), archive_write_close(iso.get()), "finish"));
    return bytes;
}

} // namespace ballast::vm
