// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/push.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/registry/registry_error.h"
#include "runtime/registry/repository.h"
#include "runtime/registry/workers.h"

namespace ballast::registry {
namespace {

using image::Descriptor;
using image::Digest;
using image::Image;
using image::Reference;
using image::Stage;

// Repositories of the same registry that the store knows to hold a layer.
class MountOrigins {
  public:
    MountOrigins(const image::ImageStore &store, const Reference &target) {
        for (const Image &image : store.list()) {
            const Result<std::string> text = store.raw_manifest(image.id);
            if (!text.has_value()) {
                continue;
            }
            const Result<image::Manifest> manifest = image::parse_manifest(*text, "manifest");
            for (const std::string &name : image.digests) {
                const Result<Reference> origin = Reference::parse(name);
                if (origin.has_value() && manifest.has_value() && origin->domain == target.domain &&
                    origin->path != target.path) {
                    add(*manifest, origin->path);
                }
            }
        }
    }
    const std::vector<std::string> &of(const Digest &blob) const {
        static const std::vector<std::string> kNone;
        const auto found = paths_.find(blob);
        return found == paths_.end() ? kNone : found->second;
    }

  private:
    static constexpr std::size_t kMost = 3; // each costs a request

    void add(const image::Manifest &manifest, const std::string &path) {
        for (const Descriptor &layer : manifest.layers) {
            std::vector<std::string> &paths = paths_[layer.digest];
            if (paths.size() < kMost && !std::ranges::contains(paths, path)) {
                paths.push_back(path);
            }
        }
    }
    std::map<Digest, std::vector<std::string>> paths_;
};

class Push {
  public:
    Push(image::ImageStore &store, const RegistrySettings &settings, const PushRequest &request, ProgressRelay &relay,
         Reference name)
        : store_(store), settings_(settings), request_(request), relay_(relay), name_(std::move(name)) {}

    Result<Pushed> run();

  private:
    Status connect(const Descriptor &config, bool *has_config);
    Status push_layers(const image::Manifest &manifest, const std::vector<Digest> &diff_ids);
    Status push_layer(const Descriptor &layer, const MountOrigins &origins);
    Status send(const Descriptor &blob, const std::function<void(std::uint64_t)> &sent);
    Status remember(const Descriptor &manifest);

    image::ImageStore &store_;
    const RegistrySettings &settings_;
    const PushRequest &request_;
    ProgressRelay &relay_;
    const Reference name_;
    std::stop_source stop_;
    std::unique_ptr<Repository> repository_;
};

// The endpoint that answers; its first answer says whether the configuration has to be sent.
Status Push::connect(const Descriptor &config, bool *has_config) {
    constexpr int kNobody[] = {EPROTO, ECONNREFUSED, ECONNRESET, ETIMEDOUT};
    for (const Endpoint &endpoint : TRY(find_endpoints(settings_.hosts, name_.domain, Purpose::kPush))) {
        repository_ = std::make_unique<Repository>(settings_, endpoint, name_, Purpose::kPush, request_.credentials,
                                                   stop_.get_token());
        Result<bool> answer = repository_->has_blob(config.digest);
        if (answer.has_value()) {
            *has_config = *answer;
            return {};
        }
        if (!endpoint.has_other || !std::ranges::contains(kNobody, answer.error().code)) {
            return std::unexpected(with_advice(std::move(answer.error()), name_.domain));
        }
    }
    return fail(EIO, "no endpoint of " + name_.domain); // find_endpoints() always has one
}

Status Push::send(const Descriptor &blob, const std::function<void(std::uint64_t)> &sent) {
    const auto open = [&]() -> Result<image::ByteSource> {
        auto reader = std::make_shared<image::BlobReader>(TRY(image::BlobReader::open(store_.blobs(), blob.digest)));
        return [reader](std::span<char> into) { return reader->read(into); };
    };
    return repository_->upload(blob, open, sent);
}

Status Push::push_layer(const Descriptor &layer, const MountOrigins &origins) {
    if (image::media_kind(layer.media_type) == image::MediaKind::kForeignLayer && !store_.blobs().has(layer.digest)) {
        relay_.step(layer.digest, "Skipped foreign layer");
        return {};
    }
    if (TRY(repository_->has_blob(layer.digest))) {
        relay_.layer(layer.digest, Stage::kPushExists, 0, 0);
        return {};
    }
    for (const std::string &path : origins.of(layer.digest)) {
        if (TRY(repository_->mount(layer.digest, path))) {
            relay_.step(layer.digest, "Mounted from " + path);
            return {};
        }
    }
    TRY(send(layer, [&](std::uint64_t count) { relay_.layer(layer.digest, Stage::kPushing, count, layer.size); }));
    relay_.layer(layer.digest, Stage::kPushed, 0, 0);
    return {};
}

Status Push::push_layers(const image::Manifest &manifest, const std::vector<Digest> &diff_ids) {
    // The same blob may be there twice; it goes once. Docker lists the highest layer first.
    std::vector<const Descriptor *> layers;
    for (std::size_t number = manifest.layers.size(); number-- > 0;) {
        const Descriptor &layer = manifest.layers[number];
        if (!std::ranges::contains(layers, layer.digest, [](const Descriptor *known) { return known->digest; })) {
            layers.push_back(&layer);
            relay_.rename(layer.digest, number < diff_ids.size() ? diff_ids[number] : layer.digest);
            relay_.step(layer.digest, "Preparing");
        }
    }
    for (std::size_t number = settings_.uploads; number < layers.size(); ++number) {
        relay_.layer(layers[number]->digest, Stage::kWaiting, 0, 0);
    }
    const MountOrigins origins(store_, name_);
    return in_parallel(layers.size(), settings_.uploads, stop_,
                       [&](std::size_t number) { return push_layer(*layers[number], origins); });
}

// The image is known by this repository's digest from now on.
Status Push::remember(const Descriptor &manifest) {
    const std::unique_ptr<image::Intake> intake = store_.begin();
    TRY(intake->expect(manifest));
    TRY(intake->finish({name_.with_digest(manifest.digest)}));
    return {};
}

Result<Pushed> Push::run() {
    const std::stop_callback hung_up(request_.stop, [this] { stop_.request_stop(); });
    const Image image = TRY(store_.find(name_.canonical()));
    image::Lease lease = TRY(store_.hold(image.id)); // the blobs stay while they are read
    const std::string text = TRY(store_.raw_manifest(image.id));
    const image::Manifest manifest = TRY(image::parse_manifest(text, name_.familiar()));
    bool has_config = false;
    TRY(connect(manifest.config, &has_config));
    TRY(push_layers(manifest, image.config.diff_ids));
    if (!has_config) {
        TRY(send(manifest.config, [](std::uint64_t) {}));
    }
    TRY(repository_->put_manifest(name_.tag, image.manifest, text));
    relay_.say("", name_.tag + ": digest: " + image.manifest.digest.text() + " size: " + std::to_string(text.size()));
    nlohmann::ordered_json aux;
    aux["Tag"] = name_.tag;
    aux["Digest"] = image.manifest.digest.text();
    aux["Size"] = text.size();
    relay_.aux(aux.dump());
    TRY(remember(image.manifest));
    return Pushed{.name = name_, .digest = image.manifest.digest, .size = text.size()};
}

Result<std::vector<Reference>> wanted_names(const image::ImageStore &store, const Reference &reference) {
    std::vector<Reference> names;
    for (const Image &image : store.list()) {
        for (const std::string &tag : image.tags) {
            const Result<Reference> name = Reference::parse(tag);
            if (name.has_value() && name->repository() == reference.repository() &&
                (reference.tag.empty() || reference.tag == name->tag)) {
                names.push_back(*name);
            }
        }
    }
    if (names.empty()) {
        return fail(ENOENT, reference.tag.empty()
                                ? "An image does not exist locally with the tag: " + reference.familiar_repository()
                                : "tag does not exist: " + reference.familiar());
    }
    std::ranges::sort(names, {}, &Reference::tag);
    return names;
}

} // namespace

Result<std::vector<Pushed>> push(image::ImageStore &store, const RegistrySettings &settings, const PushRequest &request,
                                 const ProgressOutput &output) {
    if (request.reference.digest) {
        return fail(EINVAL, "cannot push a digest reference");
    }
    const std::vector<Reference> names = TRY(wanted_names(store, request.reference));
    ProgressRelay relay(output);
    relay.say("", "The push refers to repository [" + request.reference.repository() + "]");
    std::vector<Pushed> pushed;
    for (const Reference &name : names) {
        pushed.push_back(TRY(Push(store, settings, request, relay, name).run()));
    }
    return pushed;
}

} // namespace ballast::registry
