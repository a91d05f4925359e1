#!/bin/sh
# Install the faces that made pages are set in (Debian 12 names), then gather them. Run as root.
set -e
apt-get install -y --no-install-recommends fonts-liberation fonts-dejavu fonts-dejavu-extra \
    fonts-freefont-ttf fonts-noto-core fonts-open-sans fonts-roboto-unhinted fonts-roboto-slab \
    fonts-lato fonts-crosextra-carlito fonts-crosextra-caladea fonts-croscore fonts-ebgaramond \
    fonts-ebgaramond-extra fonts-linuxlibertine fonts-cantarell fonts-inconsolata fonts-urw-base35 \
    fonts-lmodern fonts-texgyre fonts-gfs-didot fonts-gfs-artemisia fonts-gfs-neohellenic \
    fonts-comic-neue fonts-quicksand fonts-hack-ttf fonts-firacode fonts-adf-accanthis \
    fonts-adf-baskervald fonts-adf-berenis fonts-adf-gillius fonts-adf-libris fonts-adf-romande \
    fonts-adf-switzera fonts-adf-tribun fonts-adf-universalis fonts-adf-verana fonts-cabin \
    fonts-dosis fonts-karla fonts-go fonts-inter fonts-jetbrains-mono fonts-paratype fonts-play \
    fonts-sil-charis fonts-sil-gentium-basic fonts-vollkorn fonts-yanone-kaffeesatz fonts-tuffy \
    fonts-goudybookletter fonts-fanwood fonts-b612 fonts-clear-sans fonts-century-catalogue \
    fonts-anonymous-pro fonts-oxygen fonts-junction fonts-sora fonts-league-mono fonts-jura \
    fonts-league-spartan fonts-manrope fonts-allerta fonts-opendin fonts-quattrocento fonts-oldstandard \
    fonts-averia-gwf fonts-averia-sans-gwf fonts-averia-serif-gwf fonts-comfortaa fonts-roadgeek \
    fonts-junicode fonts-cardo fonts-essays1743 fonts-eurofurence fonts-adf-ikarius fonts-adf-irianis \
    fonts-adf-mekanus fonts-adf-oldania fonts-adf-solothurn fonts-gfs-bodoni-classic fonts-national-park \
    fonts-levien-museum fonts-tiresias fonts-yrsa-rasa fonts-prociono fonts-arapey fonts-sjfonts \
    fonts-okolaks fonts-lobstertwo fonts-courier-prime fonts-lindenhill fonts-sil-doulos fonts-stix \
    fonts-hermit fonts-engadget fonts-elstob
pip install fonttools wordfreq
python -m training.make_fonts
