// SPDX-License-Identifier: Apache-2.0
#include "updater/grub_environment.h"

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::updater {
namespace {

constexpr std::string_view kSignature = "# GRUB Environment Block\n";
constexpr std::uint64_t kReadLimit = 64ULL << 10;

bool is_name(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !text.empty() && is_letter(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::unexpected<Error> corrupt(const std::string &what) {
    return fail(EINVAL, "corrupt GRUB environment block: " + what);
}

// Takes a value and its line break off the front of `text`.
Result<std::string> take_value(std::string_view &text) {
    std::string value;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char character = text[at];
        if (character == '\n') {
            text.remove_prefix(at + 1);
            return value;
        }
        if (character == '\\' && ++at < text.size()) {
            character = text[at];
        }
        if (character == '\0') {
            return corrupt("NUL in a value");
        }
        value += character;
    }
    return corrupt("the last line has no end");
}

std::string escaped(std::string_view value) {
    std::string text;
    for (const char character : value) {
        if (character == '\\' || character == '\n') {
            text += '\\';
        }
        text += character;
    }
    return text;
}

} // namespace

Result<GrubEnvironment> GrubEnvironment::parse(std::string_view block) {
    if (block.size() != kEnvironmentSize) {
        return corrupt(std::to_string(block.size()) + " bytes instead of " + std::to_string(kEnvironmentSize));
    }
    if (!block.starts_with(kSignature)) {
        return corrupt("no signature");
    }
    block.remove_prefix(kSignature.size());
    GrubEnvironment environment;
    while (!block.empty()) {
        if (block.front() == '#') { // a comment line, as grub-editenv writes one, or the padding
            const auto end = block.find('\n');
            if (end != std::string_view::npos) {
                block.remove_prefix(end + 1);
                continue;
            }
            if (block.find_first_not_of('#') != std::string_view::npos) {
                return corrupt("padding that is not '#'");
            }
            return environment;
        }
        const auto equals = block.find('=');
        const std::string name(block.substr(0, equals));
        if (equals == std::string_view::npos || !is_name(name)) {
            return corrupt("not a variable: " + quote(name.substr(0, 40)));
        }
        block.remove_prefix(equals + 1);
        if (!environment.variables_.emplace(name, TRY(take_value(block))).second) {
            return corrupt(name + " is set twice");
        }
    }
    return environment;
}

std::optional<std::string> GrubEnvironment::get(std::string_view name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::nullopt : std::optional(found->second);
}

Status GrubEnvironment::set(const std::string &name, const std::string &value) {
    if (!is_name(name) || value.contains('\0')) {
        return fail(EINVAL, "not a GRUB variable: " + quote(name + "=" + value));
    }
    variables_[name] = value;
    return {};
}

void GrubEnvironment::remove(std::string_view name) {
    if (const auto found = variables_.find(name); found != variables_.end()) {
        variables_.erase(found);
    }
}

Result<std::string> GrubEnvironment::format() const {
    std::string block(kSignature);
    for (const auto &[name, value] : variables_) {
        block += name + "=" + escaped(value) + "\n";
    }
    if (block.size() > kEnvironmentSize) {
        return fail(ENOSPC, "the variables need " + std::to_string(block.size()) +
                                " bytes, the GRUB environment block has " + std::to_string(kEnvironmentSize));
    }
    block.resize(kEnvironmentSize, '#');
    return block;
}

Result<GrubEnvironment> read_environment(const std::filesystem::path &file) {
    Result<std::string> block = read_file(file, kReadLimit);
    if (!block.has_value() && block.error().code == EFBIG) {
        return Result<GrubEnvironment>(corrupt("far too long")).within(file.string());
    }
    return GrubEnvironment::parse(TRY(std::move(block))).within(file.string());
}

Status write_environment(const std::filesystem::path &file, const GrubEnvironment &environment) {
    const std::string block = TRY(environment.format());
    Result<Fd> opened = open_file(file, O_RDWR | O_NOFOLLOW);
    if (!opened.has_value()) {
        if (opened.error().code != ENOENT) {
            return std::unexpected(std::move(opened).error());
        }
        return replace_file(file, block);
    }
    struct stat status{};
    if (::fstat(opened->get(), &status) != 0) {
        return fail_errno("stat " + file.string());
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(EINVAL, file.string() + ": not a regular file; remove it, it is made anew");
    }
    if (status.st_size != static_cast<off_t>(block.size())) {
        return replace_file(file, block);
    }
    const ssize_t written = TEMP_FAILURE_RETRY(::pwrite(opened->get(), block.data(), block.size(), 0));
    if (written != static_cast<ssize_t>(block.size())) {
        return fail_errno("write " + file.string(), written < 0 ? errno : EIO);
    }
    if (::fsync(opened->get()) != 0) {
        return fail_errno("sync " + file.string());
    }
    return {};
}

} // namespace ballast::updater
