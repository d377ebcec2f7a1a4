// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/pull.h"

#include <algorithm>
#include <memory>
#include <span>

#include "runtime/registry/registry_error.h"
#include "runtime/registry/repository.h"
#include "runtime/registry/workers.h"

namespace ballast::registry {
namespace {

using image::Descriptor;
using image::Digest;
using image::Reference;
using image::Stage;
using Document = Repository::Document;

// The endpoints of a reference, from the first one that knew it on.
class Sources {
  public:
    static Result<Sources> find(const RegistrySettings &settings, const Reference &reference,
                                const Credentials &credentials, const std::stop_token &stop) {
        Sources sources;
        for (const Endpoint &endpoint : TRY(find_endpoints(settings.hosts, reference.domain, Purpose::kPull))) {
            sources.repositories_.push_back(
                std::make_unique<Repository>(settings, endpoint, reference, Purpose::kPull, credentials, stop));
        }
        sources.domain_ = reference.domain;
        return sources;
    }

    // Asks one endpoint after another. A mirror need not have everything, nor work; of a registry's own endpoints
    // another one is tried only when nothing that speaks as expected is there.
    template <typename Answer>
    Result<Answer> ask(const std::function<Result<Answer>(Repository &)> &question) {
        while (true) {
            Repository &repository = *repositories_[current_];
            Result<Answer> answer = question(repository);
            if (answer.has_value() || !may_go_on(repository.endpoint(), answer.error().code)) {
                return answer.has_value() ? std::move(answer)
                                          : std::unexpected(with_advice(std::move(answer.error()), domain_));
            }
            ++current_;
        }
    }
    // The same from any thread; the choice stays as it is.
    Status try_each(const std::function<Status(Repository &)> &work) const {
        for (std::size_t place = current_;; ++place) {
            Repository &repository = *repositories_[place];
            Status status = work(repository);
            if (status.has_value()) {
                return {};
            }
            if (!repository.endpoint().is_mirror || !may_go_on(repository.endpoint(), status.error().code)) {
                return std::unexpected(with_advice(std::move(status.error()), domain_));
            }
        }
    }

  private:
    static bool may_go_on(const Endpoint &endpoint, int code) {
        constexpr int kMine[] = {ECANCELED, ENOSPC, ENOMEM, EDQUOT, EROFS};
        constexpr int kNobody[] = {EPROTO, ECONNREFUSED, ECONNRESET, ETIMEDOUT};
        if (!endpoint.has_other || std::ranges::contains(kMine, code)) {
            return false;
        }
        return endpoint.is_mirror || std::ranges::contains(kNobody, code);
    }

    std::vector<std::unique_ptr<Repository>> repositories_;
    std::size_t current_ = 0;
    std::string domain_;
};

// One image on its way in.
class Pull {
  public:
    Pull(image::ImageStore &store, const RegistrySettings &settings, const PullRequest &request, ProgressRelay &relay,
         Reference name)
        : store_(store), settings_(settings), request_(request), relay_(relay), name_(std::move(name)),
          shown_(name_.digest ? name_.digest->text() : name_.tag) {}

    Result<Pulled> run();

  private:
    std::optional<Pulled> what_is_here(Sources &sources);
    Result<Descriptor> find_manifest(Sources &sources, Document document);
    Result<std::string> document(Sources &sources, const Descriptor &descriptor);
    Status fetch_layers(const Sources &sources, const Descriptor &manifest);
    Status fetch_layer(Repository &repository, std::size_t number, const Descriptor &blob);

    image::ImageStore &store_;
    const RegistrySettings &settings_;
    const PullRequest &request_;
    ProgressRelay &relay_;
    const Reference name_;
    const std::string shown_; // "latest"
    std::stop_source stop_;
    std::unique_ptr<image::Intake> intake_;
};

// By one small question, which registries do not count as a pull.
std::optional<Pulled> Pull::what_is_here(Sources &sources) {
    const Result<image::Image> known = store_.find(name_.canonical());
    if (!known.has_value() || image::platform_rank(request_.platform, known->config.platform) == 0) {
        return std::nullopt;
    }
    std::optional<Digest> digest = name_.digest;
    if (!digest) {
        const Result<std::optional<Digest>> asked =
            sources.ask<std::optional<Digest>>([&](Repository &repository) { return repository.digest_of(name_.tag); });
        digest = asked.has_value() ? *asked : std::nullopt;
    }
    if (!digest || !std::ranges::contains(known->digests, name_.with_digest(*digest).familiar())) {
        return std::nullopt;
    }
    return Pulled{.name = name_, .id = known->id, .digest = *digest};
}

Result<std::string> Pull::document(Sources &sources, const Descriptor &descriptor) {
    if (std::optional<std::string> kept = intake_->document(descriptor)) {
        return std::move(*kept);
    }
    Document document = TRY(
        sources.ask<Document>([&](Repository &repository) { return repository.manifest(descriptor.digest.text()); }));
    TRY(intake_->keep(descriptor, document.bytes));
    return std::move(document.bytes);
}

// From what the name stands for to the manifest of one platform, all kept.
Result<Descriptor> Pull::find_manifest(Sources &sources, Document document) {
    const std::string name = name_.familiar();
    Descriptor descriptor = document.descriptor;
    std::string text = std::move(document.bytes);
    for (unsigned depth = 0; depth <= image::kDeepestIndex; ++depth) {
        const image::MediaKind kind = TRY(image::document_kind(text, descriptor.media_type, name));
        if (kind == image::MediaKind::kManifest) {
            const image::Manifest manifest = TRY(image::parse_manifest(text, name));
            descriptor.media_type = manifest.media_type;
            TRY(intake_->keep(descriptor, text));
            if (!intake_->document(manifest.config)) {
                const std::string config = TRY(sources.ask<std::string>([&](Repository &repository) {
                    return repository.small_blob(manifest.config, image::kLargestConfig);
                }));
                TRY(intake_->keep(manifest.config, config));
            }
            return descriptor;
        }
        const image::Index index = TRY(image::parse_index(text, name));
        descriptor.media_type = index.media_type;
        TRY(intake_->keep(descriptor, text));
        descriptor = TRY(image::choose_manifest(index, request_.platform, name));
        text = TRY(this->document(sources, descriptor));
    }
    return fail(EINVAL, name + ": indexes in indexes, more than " + std::to_string(image::kDeepestIndex) + " deep");
}

Status Pull::fetch_layer(Repository &repository, std::size_t number, const Descriptor &blob) {
    const std::unique_ptr<image::LayerIntake> layer = TRY(intake_->receive(number, stop_.get_token()));
    const Repository::Target target{.offset = [&] { return layer->offset(); },
                                    .restart = [&] { return layer->restart(); },
                                    .write =
                                        [&](std::string_view piece) {
                                            Status status = layer->write(piece);
                                            relay_.layer(blob.digest, Stage::kDownloading, layer->offset(), blob.size);
                                            return status;
                                        },
                                    .retrying =
                                        [&](std::chrono::milliseconds delay) {
                                            const auto seconds = std::chrono::ceil<std::chrono::seconds>(delay).count();
                                            relay_.layer(blob.digest, Stage::kRetrying,
                                                         static_cast<std::uint64_t>(seconds), 0);
                                        }};
    TRY(repository.blob(blob, target));
    Status status = layer->finish(); // tells of checking and unpacking itself
    if (!status.has_value() && status.error().code == EBADMSG) {
        return fail(EBADMSG, "filesystem layer verification failed for digest " + blob.digest.text() + ": " +
                                 status.error().message);
    }
    return status;
}

// As docker tells it: what is to come, then what happens.
Status Pull::fetch_layers(const Sources &sources, const Descriptor &manifest) {
    const std::vector<image::LayerNeed> needs = TRY(intake_->expect(manifest));
    std::vector<std::size_t> wanted;
    for (std::size_t number = 0; number < needs.size(); ++number) {
        const bool is_here = needs[number].have_blob && needs[number].have_layer;
        relay_.layer(needs[number].blob.digest, is_here ? Stage::kExists : Stage::kPulling, 0, 0);
        if (!is_here) {
            wanted.push_back(number);
        }
    }
    for (const std::size_t number :
         std::span(wanted).subspan(std::min<std::size_t>(settings_.downloads, wanted.size()))) {
        relay_.layer(needs[number].blob.digest, Stage::kWaiting, 0, 0);
    }
    return in_parallel(wanted.size(), settings_.downloads, stop_, [&](std::size_t place) {
        const std::size_t number = wanted[place];
        return sources.try_each([&](Repository &repository) {
            const Descriptor &blob = needs[number].blob;
            Status status = fetch_layer(repository, number, blob);
            // What an interrupted pull left may have rotted; a second attempt starts with nothing.
            return !status.has_value() && status.error().code == EBADMSG ? fetch_layer(repository, number, blob)
                                                                         : std::move(status);
        });
    });
}

Result<Pulled> Pull::run() {
    const std::stop_callback hung_up(request_.stop, [this] { stop_.request_stop(); });
    Sources sources = TRY(Sources::find(settings_, name_, request_.credentials, stop_.get_token()));
    if (std::optional<Pulled> here = what_is_here(sources)) {
        relay_.say(shown_, "Pulling from " + name_.path);
        relay_.say("", "Digest: " + here->digest.text());
        return std::move(*here);
    }
    Document document = TRY(sources.ask<Document>([&](Repository &repository) { return repository.manifest(shown_); }));
    const Digest digest = document.descriptor.digest;
    relay_.say(shown_, "Pulling from " + name_.path);
    intake_ = store_.begin(&relay_);
    const Descriptor manifest = TRY(find_manifest(sources, std::move(document)));
    TRY(fetch_layers(sources, manifest));
    const Result<image::Image> before = store_.find(name_.canonical());
    std::vector<Reference> names{name_.with_digest(digest)};
    if (!name_.digest) {
        names.push_back(name_);
    }
    const Digest id = TRY(intake_->finish(names));
    relay_.say("", "Digest: " + digest.text());
    return Pulled{.name = name_, .id = id, .digest = digest, .is_new = !before.has_value() || before->id != id};
}

Result<std::vector<Reference>> wanted_names(const RegistrySettings &settings, const PullRequest &request) {
    Reference reference = request.reference;
    if (reference.digest) {
        return std::vector{reference.with_digest(*reference.digest)};
    }
    if (!request.all_tags) {
        return std::vector{reference.with_tag(reference.tag.empty() ? std::string(image::kDefaultTag) : reference.tag)};
    }
    Sources sources = TRY(Sources::find(settings, reference, request.credentials, request.stop));
    std::vector<Reference> names;
    for (const std::string &tag :
         TRY(sources.ask<std::vector<std::string>>([](Repository &repository) { return repository.tags(); }))) {
        names.push_back(reference.with_tag(tag));
    }
    if (names.empty()) {
        return fail(ENOENT, "no tags of " + reference.familiar_repository() + " found");
    }
    return names;
}

} // namespace

Result<std::vector<Pulled>> pull(image::ImageStore &store, const RegistrySettings &settings, const PullRequest &request,
                                 const ProgressOutput &output) {
    ProgressRelay relay(output);
    std::vector<Pulled> pulled;
    for (const Reference &name : TRY(wanted_names(settings, request))) {
        pulled.push_back(TRY(Pull(store, settings, request, relay, name).run()));
    }
    const bool is_new = std::ranges::any_of(pulled, &Pulled::is_new);
    relay.say("", std::string("Status: ") + (is_new ? "Downloaded newer image for " : "Image is up to date for ") +
                      (request.all_tags ? request.reference.familiar_repository() : pulled.front().name.familiar()));
    return pulled;
}

Result<Remote> inspect_remote(const RegistrySettings &settings, const Reference &reference,
                              const Credentials &credentials, std::stop_token stop) {
    Sources sources = TRY(Sources::find(settings, reference, credentials, stop));
    const std::string tag = reference.tag.empty() ? std::string(image::kDefaultTag) : reference.tag;
    const Document document = TRY(sources.ask<Document>([&](Repository &repository) {
        return repository.manifest(reference.digest ? reference.digest->text() : tag);
    }));
    const std::string name = reference.familiar();
    Remote remote{.descriptor = document.descriptor, .platforms = {}};
    if (TRY(image::document_kind(document.bytes, document.descriptor.media_type, name)) == image::MediaKind::kIndex) {
        for (const Descriptor &entry : TRY(image::parse_index(document.bytes, name)).manifests) {
            if (entry.platform) {
                remote.platforms.push_back(*entry.platform);
            }
        }
        return remote;
    }
    const image::Manifest manifest = TRY(image::parse_manifest(document.bytes, name));
    const std::string config = TRY(sources.ask<std::string>(
        [&](Repository &repository) { return repository.small_blob(manifest.config, image::kLargestConfig); }));
    remote.platforms.push_back(TRY(image::parse_image_config(config, name)).platform);
    return remote;
}

} // namespace ballast::registry
