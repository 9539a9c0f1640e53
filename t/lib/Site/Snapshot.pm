package Site::Snapshot;

# A site's rows, files and processes, so that a test can check that nothing has changed.
#
#   my $before = Site::Snapshot::take($site);
#   ...
#   is_deeply(Site::Snapshot::take($site), $before, 'nothing has changed');

use v5.36;

# Excluded: uploads, since expired reservations are deleted lazily, and sweeps, which the scheduler updates.
my $TABLES = <<'SQL';
SELECT string_agg(format('SELECT %1$L, count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM %1$I t', tablename),
    ' UNION ALL ' ORDER BY tablename)
FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('uploads', 'sweeps')
SQL

sub take ($site) {
    my %tables = map { $_->[0] => "$_->[1] rows, " . ($_->[2] // 'none') } $site->sql(scalar $site->sql($TABLES));
    return {
        tables    => \%tables,
        files     => [$site->media_files],
        processes => {map { $_ => join ' ', $site->pids($_) } qw(fcgi-api fcgi-stream scheduler nginx)},
    };
}

1;
