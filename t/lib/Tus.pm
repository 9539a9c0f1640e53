package Tus;

# A client of tus 1.0 (resumable uploads), one request at a time.
#
#   my $upload = Tus->create($ann, $video, length $film);
#   $upload->patch(0, $film)->is(204);
#   $upload->offset;

use v5.36;

use Digest::SHA ();

use constant PIECE_TYPE => 'application/offset+octet-stream';

# Creates an upload; dies when it can't.
sub create ($class, $actor, $video, $length, %headers) {
    my $answer = $class->ask($actor, $video, $length, %headers);
    die "no upload was created: $answer->{head}\n" if $answer->status != 201;
    return $class->at($actor, scalar $answer->header('Location'));
}

# The upload at that address.
sub at ($class, $actor, $url) { return bless {actor => $actor, url => $url}, $class }

# Asks for an upload.
sub ask ($class, $actor, $video, $length, %headers) {
    return $actor->post("/stream/videos/$video", '',
        headers => {'Tus-Resumable' => '1.0.0', 'Upload-Length' => $length, 'Content-Length' => 0, %headers});
}

sub url ($self) { return $self->{url} }
sub id  ($self) { return $self->{url} =~ s{.*/}{}r }

sub head   ($self) { return $self->{actor}->head($self->{url},   headers => {'Tus-Resumable' => '1.0.0'}) }
sub delete ($self) { return $self->{actor}->delete($self->{url}, headers => {'Tus-Resumable' => '1.0.0'}) }

# How far it is; undef when there is none.
sub offset ($self) { return scalar $self->head->header('Upload-Offset') }

# The options of a request that sends a piece; headers may be replaced.
sub piece ($class, $offset, $bytes, %headers) {
    return (
        body    => $bytes,
        headers => {
            'Tus-Resumable' => '1.0.0',
            'Upload-Offset' => $offset,
            'Content-Type'  => PIECE_TYPE,
            %headers,
        },
    );
}

sub patch ($self, $offset, $bytes, %headers) {
    my $actor = $self->{actor};
    return $actor->request('PATCH', $self->{url}, on => $actor->site->connect, $self->piece($offset, $bytes, %headers));
}

# Begins to send a piece of that length, of which these bytes are all that comes for now.
sub open ($self, $offset, $bytes, $length, %headers) {
    return $self->{actor}->open('PATCH', $self->{url},
        $self->piece($offset, $bytes, 'Content-Length' => $length, %headers));
}

# The value of Upload-Checksum.
sub sha1   ($bytes) { return 'sha1 ' . Digest::SHA::sha1_base64($bytes) . '=' }
sub sha256 ($bytes) { return 'sha256 ' . Digest::SHA::sha256_base64($bytes) . '=' }

1;
