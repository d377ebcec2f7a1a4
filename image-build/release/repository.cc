// SPDX-License-Identifier: Apache-2.0
#include "image-build/release/repository.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <format>
#include <sstream>

#include "base/file_io.h"
#include "base/lines.h"
#include "base/subprocess.h"
#include "image-build/ostree.h"

namespace ballast::image_build::release {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChecksumDigits = 64;

std::string name_of(const Repository::Delta &delta) {
    return delta.from.empty() ? delta.to : delta.from + "-" + delta.to;
}

std::vector<std::string> signing_arguments(const SigningKeys &keys) {
    std::vector<std::string> arguments{"--gpg-homedir=" + keys.home.string()};
    for (const std::string &fingerprint : keys.fingerprints) {
        arguments.push_back("--gpg-sign=" + fingerprint);
    }
    return arguments;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char letter) { return std::tolower(letter); });
    return text;
}

// The digits of bytes as GVariant prints them: "[[byte 0x88, 0x75, ...]]". A signature names its key's fingerprint
// (RFC 4880bis 5.2.3.28).
std::string hexadecimal_of(const std::string &variant) {
    constexpr std::string_view kByte = "0x";
    std::string digits;
    for (std::size_t at = variant.find(kByte); at != std::string::npos; at = variant.find(kByte, at + kByte.size())) {
        digits += variant.substr(at + kByte.size(), 2);
    }
    return digits;
}

} // namespace

fs::path delta_path(const Repository::Delta &delta) {
    const std::string from = delta.from.empty() ? "" : short_checksum(delta.from) + "-";
    const std::string name = from + short_checksum(delta.to);
    return fs::path("deltas") / name.substr(0, 2) / name.substr(2);
}

Result<Repository> Repository::open(const fs::path &directory) {
    if (!fs::exists(directory / "config")) {
        TRY(make_archive_repository(directory));
    }
    return Repository(fs::absolute(directory));
}

Result<std::string> Repository::ostree(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"ostree", "--repo=" + directory_.string()});
    return run_checked({.arguments = std::move(arguments), .environment = {{"LC_ALL", "C.UTF-8"}, {"TZ", "UTC"}}});
}

Status Repository::take(const std::string &commit, const fs::path &from) const {
    (void)TRY(ostree({"pull-local", fs::absolute(from).string(), commit}).within("copy commit " + commit));
    return {};
}

Status Repository::sign(const std::string &commit, const SigningKeys &keys) const {
    // Without any signature there is no such key. libostree itself adds the same signature again and again.
    const std::string signatures =
        hexadecimal_of(ostree({"show", "--print-detached-metadata-key=ostree.gpgsigs", commit}).value_or(""));
    for (const std::string &fingerprint : keys.fingerprints) {
        if (signatures.contains(lower(fingerprint))) {
            continue;
        }
        (void)TRY(ostree({"gpg-sign", "--gpg-homedir=" + keys.home.string(), commit, fingerprint})
                      .within("sign commit " + commit));
    }
    return {};
}

Status Repository::point(const std::string &ref, const std::string &commit) const {
    (void)TRY(ostree({"refs", "--force", "--create=" + ref, commit}).within("point " + ref + " to " + commit));
    return {};
}

Result<std::optional<std::string>> Repository::resolve(const std::string &ref) const {
    for (const std::string &name : lines_of(TRY(ostree({"refs"})))) {
        if (name == ref) {
            std::string commit = TRY(ostree({"rev-parse", ref}));
            commit.erase(commit.find_last_not_of('\n') + 1);
            return commit;
        }
    }
    return std::nullopt;
}

Result<std::int64_t> Repository::timestamp(const std::string &commit) const {
    constexpr std::string_view kDate = "Date:";
    for (const std::string &line : lines_of(TRY(ostree({"show", commit})))) {
        std::tm time{};
        if (line.starts_with(kDate) &&
            ::strptime(line.c_str() + kDate.size(), " %Y-%m-%d %H:%M:%S +0000", &time) != nullptr) {
            return ::timegm(&time);
        }
    }
    return fail(EBADMSG, "commit " + commit + ": ostree show says no date");
}

Result<std::optional<std::string>> Repository::file(const std::string &commit, const std::string &path) const {
    const fs::path place(path);
    // No such directory: no such file.
    const std::string list = ostree({"ls", "--nul-filenames-only", commit, place.parent_path().string()}).value_or("");
    std::istringstream names(list);
    for (std::string name; std::getline(names, name, '\0');) {
        if (name == path) {
            return TRY(ostree({"cat", commit, path}));
        }
    }
    return std::nullopt;
}

Status Repository::make_delta(const Delta &delta) const {
    std::vector<std::string> arguments{"static-delta", "generate", "--if-not-exists", "--min-fallback-size=0",
                                       "--to=" + delta.to};
    arguments.push_back(delta.from.empty() ? "--empty" : "--from=" + delta.from);
    (void)TRY(ostree(std::move(arguments)).within("make the delta to " + delta.to));
    return {};
}

Result<std::vector<Repository::Delta>> Repository::deltas() const {
    std::vector<Delta> deltas;
    for (const std::string &name : lines_of(TRY(ostree({"static-delta", "list"})))) {
        if (name.size() == kChecksumDigits) {
            deltas.push_back({.from = {}, .to = name});
        } else if (name.size() == 2 * kChecksumDigits + 1) { // else: "(No static deltas)"
            deltas.push_back({.from = name.substr(0, kChecksumDigits), .to = name.substr(kChecksumDigits + 1)});
        }
    }
    return deltas;
}

Status Repository::drop_delta(const Delta &delta) const {
    (void)TRY(ostree({"static-delta", "delete", name_of(delta)}).within("remove a delta"));
    return {};
}

Result<std::uint64_t> Repository::delta_size(const Delta &delta) const {
    std::uint64_t size = 0;
    std::error_code error;
    for (const auto &entry : fs::recursive_directory_iterator(directory_ / delta_path(delta), error)) {
        size += entry.is_regular_file() ? entry.file_size() : 0;
    }
    if (error) {
        return fail_errno("measure the delta " + name_of(delta), error.value());
    }
    return size;
}

Status Repository::drop_commit(const std::string &commit) const {
    if (!fs::exists(directory_ / "objects" / commit.substr(0, 2) / (commit.substr(2) + ".commit"))) {
        return {};
    }
    (void)TRY(ostree({"prune", "--delete-commit=" + commit}).within("remove commit " + commit));
    return {};
}

Status Repository::prune() const {
    (void)TRY(ostree({"prune"}));
    return {};
}

Status Repository::write_summary(const SigningKeys &keys, std::int64_t expires) const {
    std::vector<std::string> arguments{"summary", "--update",
                                       std::format("--add-metadata=ballast.expires=uint64 {}", expires)};
    std::ranges::move(signing_arguments(keys), std::back_inserter(arguments));
    (void)TRY(ostree(std::move(arguments)).within("write the signed summary"));
    return {};
}

} // namespace ballast::image_build::release
