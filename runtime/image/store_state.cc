// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/store_state.h"

#include <algorithm>
#include <ctime>

#include "base/file_io.h"
#include "runtime/image/disk_space.h"

namespace ballast::image {
namespace {

constexpr const char *kNamesFile = "images.json";
constexpr const char *kIndexFile = "index.json";
constexpr const char *kNameAnnotation = "org.opencontainers.image.ref.name";
constexpr int kAttempts = 50;

} // namespace

std::string familiar_name(const std::string &canonical) {
    const Result<Reference> reference = Reference::parse(canonical);
    return reference.has_value() ? reference->familiar() : canonical;
}

LeaseHeld::~LeaseHeld() {
    const std::lock_guard lock(store.mutex_);
    store.leases_.erase(this);
    store.released_++;
}

Lease::Lease(std::unique_ptr<LeaseHeld> held) : held_(std::move(held)) {}
Lease::Lease(Lease &&) noexcept = default;
Lease &Lease::operator=(Lease &&) noexcept = default;
Lease::~Lease() = default;

void Lease::keep(const Digest &blob_or_chain) { held_->store.keep(*held_, blob_or_chain); }

void StoreState::keep(LeaseHeld &held, const Digest &digest) {
    const std::lock_guard lock(mutex_);
    held.digests.insert(digest);
}

Lease StoreState::lease() {
    auto held = std::make_unique<LeaseHeld>(*this);
    const std::lock_guard lock(mutex_);
    leases_.insert(held.get());
    return Lease(std::move(held));
}

bool StoreState::is_leased(const Digest &digest) const {
    return std::ranges::any_of(leases_, [&](const LeaseHeld *lease) { return lease->digests.contains(digest); });
}

ImageNames StoreState::names() const {
    const std::lock_guard lock(mutex_);
    return names_;
}

Status StoreState::save(const ImageNames &names) const {
    const std::filesystem::path &root = settings.root;
    TRY(explain_full_disk(replace_file(root / kNamesFile, names.text(), 0600), root));
    return explain_full_disk(replace_file(root / kIndexFile, names.index_json(), 0600), root);
}

Status StoreState::change(const std::function<Status(ImageNames &)> &change) {
    const std::lock_guard lock(mutex_);
    ImageNames next = names_;
    TRY(change(next));
    TRY(save(next));
    names_ = std::move(next);
    return {};
}

Status StoreState::with_needs(const std::function<Status(ImageNames &, const std::vector<ContainerUse> &)> &body) {
    for (int attempt = 0; attempt < kAttempts; attempt++) {
        std::uint64_t before = 0;
        {
            const std::lock_guard lock(mutex_);
            before = released_;
        }
        const std::vector<ContainerUse> uses = containers();
        const std::lock_guard lock(mutex_);
        if (released_ != before) {
            continue;
        }
        const std::string text = names_.text();
        ImageNames next = names_;
        TRY(body(next, uses));
        if (next.text() != text) {
            TRY(save(next));
            names_ = std::move(next);
        }
        return {};
    }
    return fail(EAGAIN, "images come and go too fast to remove any now; try again");
}

// index.json has the tags and the manifests; what an image was committed from and its digests by repository are lost.
static Result<ImageNames> names_from_index(const StoreState &state) {
    ImageNames names;
    const std::string file = state.settings.root / kIndexFile;
    const Result<std::string> text = read_file(file);
    if (!text.has_value()) {
        return text.error().code == ENOENT ? Result<ImageNames>(std::move(names)) : std::unexpected(text.error());
    }
    const Index index = TRY(parse_index(*text, file));
    for (const Descriptor &descriptor : index.manifests) {
        const Result<std::string> document = state.blobs->read(descriptor.digest, kLargestManifest);
        const Result<Manifest> manifest = document.has_value() ? parse_manifest(*document, descriptor.digest.text())
                                                               : std::unexpected(document.error());
        const Result<ImageConfig> config =
            manifest.has_value() ? state.config_of(manifest->config.digest) : std::unexpected(manifest.error());
        if (!config.has_value()) {
            state.warn("image " + descriptor.digest.text() + " is lost: " + config.error().message);
            continue;
        }
        const std::vector<Digest> chain = config->chain_ids();
        Descriptor plain{.media_type = descriptor.media_type, .digest = descriptor.digest, .size = descriptor.size};
        names.add(manifest->config.digest, plain, chain.empty() ? Digest() : chain.back());
        if (const auto name = descriptor.annotations.find(kNameAnnotation); name != descriptor.annotations.end()) {
            if (const Result<Reference> reference = Reference::parse_with_default_tag(name->second)) {
                names.name(manifest->config.digest, *reference, std::time(nullptr));
            }
        }
    }
    return names;
}

Status StoreState::load_names() {
    const std::filesystem::path file = settings.root / kNamesFile;
    const Result<std::string> text = read_file(file);
    Result<ImageNames> names =
        text.has_value() ? ImageNames::parse(*text, file.string()) : std::unexpected(text.error());
    const bool rebuilt = !names.has_value();
    if (rebuilt) {
        if (text.has_value() || text.error().code != ENOENT) {
            warn(names.error().message + "; set aside as images.json.broken and made again from index.json");
            if (rename(file.c_str(), (file.string() + ".broken").c_str()) != 0) {
                return fail_errno("set aside " + file.string());
            }
        }
        Result<ImageNames> found = names_from_index(*this);
        if (!found.has_value()) {
            warn(found.error().message + "; starting without images");
        }
        names = found.has_value() ? std::move(found) : Result<ImageNames>(ImageNames());
    }
    names_ = std::move(*names);
    // Power may have failed between the two files.
    const Result<std::string> index = read_file(settings.root / kIndexFile);
    if (rebuilt || !index.has_value() || *index != names_.index_json()) {
        return save(names_);
    }
    return {};
}

Result<Manifest> StoreState::manifest_of(const ImageRecord &record) const {
    const std::string text = TRY(blobs->read(record.manifest.digest, kLargestManifest));
    return parse_manifest(text, "manifest " + record.manifest.digest.text());
}

Result<ImageConfig> StoreState::config_of(const Digest &id) const {
    const std::string text = TRY(blobs->read(id, kLargestConfig));
    return parse_image_config(text, "image " + id.text());
}

std::uint64_t StoreState::layer_bytes(const std::vector<Digest> &chain_ids) const {
    std::uint64_t bytes = 0;
    for (const Digest &id : chain_ids) {
        const std::optional<Layer> layer = layers->find(id);
        bytes += layer ? layer->bytes : 0;
    }
    return bytes;
}

std::vector<ContainerUse> StoreState::containers() const {
    return settings.containers ? settings.containers() : std::vector<ContainerUse>();
}

void StoreState::event(std::string_view action, const Digest &id, const std::string &name) const {
    if (settings.event) {
        settings.event(action, id, name);
    }
}

void StoreState::warn(const std::string &text) const {
    if (settings.warn) {
        settings.warn(text);
    }
}

} // namespace ballast::image
