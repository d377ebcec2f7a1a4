// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/certificate_store.h"

#include <algorithm>

#include "agent/certificates/x509.h"
#include "base/file_io.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kSecret = 0600;

// kubelet's "2006-01-02-15-04-05".
std::string file_time(std::int64_t now) {
    std::string text = timestamp(now, Fraction::kNone); // 2006-01-02T15:04:05Z
    text.pop_back();
    std::ranges::replace_if(text, [](char c) { return c == 'T' || c == ':'; }, '-');
    return text;
}

// Whoever opens it meanwhile finds the old one or the new one.
Status replace_link(const fs::path &link, const std::string &target) {
    const fs::path beside = link.string() + ".new";
    std::error_code error;
    fs::remove(beside, error); // of somebody who was interrupted; if it stays the next step says why
    fs::create_symlink(target, beside, error);
    if (!error) {
        fs::rename(beside, link, error);
    }
    return error ? fail_errno("link " + link.string(), error.value()) : sync_directory(link.parent_path());
}

} // namespace

Result<KeyPair> parse_key_pair(const std::string &text) {
    if (!belong_together(text, text)) {
        return fail(EINVAL, "there is no certificate in it with the key that it is for");
    }
    return KeyPair{.certificate = text, .key = text};
}

Result<std::optional<KeyPair>> CertificateStore::current() const {
    const Result<std::string> text = read_file(current_file());
    if (!text.has_value()) {
        return text.error().code == ENOENT ? Result<std::optional<KeyPair>>(std::nullopt)
                                           : std::unexpected(text.error());
    }
    return TRY(parse_key_pair(*text).within(current_file().string()));
}

Status CertificateStore::store(const KeyPair &pair, std::int64_t now) const {
    TRY(make_directories(directory_));
    std::error_code error;
    const std::string before = fs::read_symlink(current_file(), error).filename(); // empty: it is the first
    const std::string name = prefix_ + "-" + file_time(now) + ".pem";
    TRY(replace_file(directory_ / name, pair.certificate + pair.key, kSecret));
    TRY(replace_link(current_file(), name));
    if (before.starts_with(prefix_ + "-") && before != name) {
        fs::remove(directory_ / before, error); // what stays is used by nobody
    }
    drop_next_key();
    return {};
}

Result<std::string> CertificateStore::next_key() const {
    if (Result<std::string> begun = read_file(next_key_file()); begun.has_value() && public_half(*begun).has_value()) {
        return begun;
    }
    std::string key = TRY(new_key());
    TRY(make_directories(directory_));
    TRY(replace_file(next_key_file(), key, kSecret));
    return key;
}

void CertificateStore::drop_next_key() const {
    std::error_code error;
    fs::remove(next_key_file(), error); // one that stays is used by the next request
}

} // namespace ballast::agent
